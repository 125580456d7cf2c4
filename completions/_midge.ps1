
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'midge' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'midge'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'midge' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publish messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribe, and print the messages that come')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Load a broker, and measure rates, latencies and losses')
            [CompletionResult]::new('decode', 'decode', [CompletionResultType]::ParameterValue, 'Decode MQTT packets from a capture file, or from any text that holds their bytes')
            [CompletionResult]::new('capture-replay', 'capture-replay', [CompletionResultType]::ParameterValue, 'Publish again what clients published in a capture, at the captured times')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Publish again what clients published in a capture, at the captured times')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Run a throwaway MQTT broker, alone or around a command')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'midge;pub' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic to publish to; the one in the URL if there is none')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic to publish to; the one in the URL if there is none')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The message')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'The message')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Send a file as one message')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Send a file as one message')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Quality of Service: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Quality of Service: 0, 1 or 2')
            [CompletionResult]::new('--repeat', '--repeat', [CompletionResultType]::ParameterName, 'Send the message of -m, -f, -s or -n this many times')
            [CompletionResult]::new('--repeat-delay', '--repeat-delay', [CompletionResultType]::ParameterName, 'Time between repeats: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m. It counts from when -f or -s is read')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m. It counts from when -f or -s is read')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client Identifier [default: midge- and random characters]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client Identifier [default: midge- and random characters]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Send all of stdin as one message')
            [CompletionResult]::new('--stdin-file', '--stdin-file', [CompletionResultType]::ParameterName, 'Send all of stdin as one message')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Send each line of stdin as a message, as soon as it is there')
            [CompletionResult]::new('--stdin-line', '--stdin-line', [CompletionResultType]::ParameterName, 'Send each line of stdin as a message, as soon as it is there')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Send a message without payload; with -r it removes the retained message')
            [CompletionResult]::new('--null-message', '--null-message', [CompletionResultType]::ParameterName, 'Send a message without payload; with -r it removes the retained message')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Ask the broker to keep the message for later subscribers')
            [CompletionResult]::new('--retain', '--retain', [CompletionResultType]::ParameterName, 'Ask the broker to keep the message for later subscribers')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'midge;sub' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic filter to subscribe to; may be given more than once. The topic of the URL if there is none')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic filter to subscribe to; may be given more than once. The topic of the URL if there is none')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Leave out messages whose topic matches this filter; may be given more than once')
            [CompletionResult]::new('--filter-out', '--filter-out', [CompletionResultType]::ParameterName, 'Leave out messages whose topic matches this filter; may be given more than once')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Highest Quality of Service to receive at: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Highest Quality of Service to receive at: 0, 1 or 2')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'End after this many messages')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after this many messages')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i')
            [CompletionResult]::new('--session-expiry-interval', '--session-expiry-interval', [CompletionResultType]::ParameterName, 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client Identifier [default: midge- and random characters]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client Identifier [default: midge- and random characters]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Leave out retained messages')
            [CompletionResult]::new('--no-retained', '--no-retained', [CompletionResultType]::ParameterName, 'Leave out retained messages')
            [CompletionResult]::new('--retained-only', '--retained-only', [CompletionResultType]::ParameterName, 'Print retained messages only, and end with the first other one')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print the topic before each payload')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print the topic before each payload')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'Print no line end behind each message')
            [CompletionResult]::new('--no-eol', '--no-eol', [CompletionResultType]::ParameterName, 'Print no line end behind each message')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object per message')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Keep the session at the broker when the connection ends; wants -i')
            [CompletionResult]::new('--disable-clean-session', '--disable-clean-session', [CompletionResultType]::ParameterName, 'Keep the session at the broker when the connection ends; wants -i')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'midge;bench' {
            [CompletionResult]::new('--publishers', '--publishers', [CompletionResultType]::ParameterName, 'Connections that publish')
            [CompletionResult]::new('--subscribers', '--subscribers', [CompletionResultType]::ParameterName, 'Connections that subscribe and count what comes')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'Connections that only stay open')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Messages per second, all publishers together; k and M stand for thousand and million [default: as fast as the broker takes them]')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Bytes of each message''s payload. With subscribers at least 18: what tells one message from another stands there')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after this many messages, all publishers together')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'How long to publish, warm-up not included: seconds, or with a unit as in 500ms, 10s, 2m [default: 10s, or until --count is reached]')
            [CompletionResult]::new('--warmup', '--warmup', [CompletionResultType]::ParameterName, 'How long to publish before anything is counted')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Topic to publish to. {run} stands for a name of this run, {client} for the publisher''s number; the subscribers put + in place of a level with {client} [default: midge/bench/{run}/{client}]')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Topic to publish to. {run} stands for a name of this run, {client} for the publisher''s number; the subscribers put + in place of a level with {client} [default: midge/bench/{run}/{client}]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Quality of Service of messages and subscriptions: 0, 1 or 2')
            [CompletionResult]::new('--qos', '--qos', [CompletionResultType]::ParameterName, 'Quality of Service of messages and subscriptions: 0, 1 or 2')
            [CompletionResult]::new('--inflight', '--inflight', [CompletionResultType]::ParameterName, 'Messages of QoS 1 and 2 that each publisher may have unacknowledged [default: 20; with --rate as many as the broker takes]')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'How long to wait at the end for messages that are still on their way, counted from the last one that came [default: 1s with QoS 0, else 5s]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Client Identifier [default: midge- and random characters]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Client Identifier [default: midge- and random characters]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the result as a JSON object')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Show no progress on stderr')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'midge;decode' {
            [CompletionResult]::new('--input', '--input', [CompletionResultType]::ParameterName, 'Take the input as this, whatever it looks like')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Times in front of lines and in diagrams')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'How to read payloads on topics that match; repeatable, the first match counts')
            [CompletionResult]::new('--lint', '--lint', [CompletionResultType]::ParameterName, 'Check the packets, each alone and all together, against the standard; exit 5 if something is as bad as this or worse [default: warning]')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'Read what follows CONNECT as this version, whatever it says: 5, 311 or 31')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only packets of these types, with commas: PUBLISH,PUBACK; repeatable')
            [CompletionResult]::new('--client', '--client', [CompletionResultType]::ParameterName, 'Only packets to and from the client with this identifier; repeatable')
            [CompletionResult]::new('--topic', '--topic', [CompletionResultType]::ParameterName, 'Only what is about topics that match; repeatable')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Only these connections, by number: 0, 2-5, 7-; repeatable')
            [CompletionResult]::new('--frame', '--frame', [CompletionResultType]::ParameterName, 'Only packets that these frames completed: 4, 10-20, 30-; repeatable')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only what this side sent; of packets without a capture, who sent them')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Only packets with this reason code: 0x87, 135, not-authorized, or error; repeatable')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only from then on: 2026-11-21T10:00:00Z, or 5s, 2m after the first packet')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Only up to then')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Write the frames of what is selected to a pcapng file, as they are; - is stdout')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Take connections with this port as MQTT, whatever they look like; repeatable')
            [CompletionResult]::new('--not-port', '--not-port', [CompletionResultType]::ParameterName, 'Leave connections with this port out; repeatable')
            [CompletionResult]::new('--sn-topics', '--sn-topics', [CompletionResultType]::ParameterName, 'Names of predefined MQTT-SN topic ids: lines "ID NAME", or "CLIENT:ID NAME"')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE format)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object per packet')
            [CompletionResult]::new('--tree', '--tree', [CompletionResultType]::ParameterName, 'Every field with its bytes and bits')
            [CompletionResult]::new('--hex', '--hex', [CompletionResultType]::ParameterName, 'Every byte beside the field that it belongs to')
            [CompletionResult]::new('--lines', '--lines', [CompletionResultType]::ParameterName, 'One line per packet')
            [CompletionResult]::new('--flow', '--flow', [CompletionResultType]::ParameterName, 'A sequence diagram of each connection, with its handshakes and how long they took')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Only count: packets by type, version and sender, bytes, gaps. With --json as one object')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Count more: by connection and by topic, with rates and delays. With --json as two objects')
            [CompletionResult]::new('--violations-only', '--violations-only', [CompletionResultType]::ParameterName, 'Only packets that break a rule')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show passwords instead of their length')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Add the whole packet as raw_hex to the JSON, passwords included')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'midge;capture-replay' {
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'How many times as fast as captured, as in 10 or 0.5; max for no waiting at all')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Play to a broker that is not on this machine')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Play to a broker that is not on this machine')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be played, and connect to nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The summary as a JSON object')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'midge;replay' {
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'How many times as fast as captured, as in 10 or 0.5; max for no waiting at all')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port of the broker [env: MQTT_PORT] [default: 1883]')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('--pw', '--pw', [CompletionResultType]::ParameterName, 'Password')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--keepalive', '--keepalive', [CompletionResultType]::ParameterName, 'Keep Alive in seconds; 0 turns it off')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was')
            [CompletionResult]::new('--protocol-version', '--protocol-version', [CompletionResultType]::ParameterName, 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Play to a broker that is not on this machine')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Play to a broker that is not on this machine')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be played, and connect to nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The summary as a JSON object')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Say on stderr what is sent and received')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'midge;broker' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Port to listen on; 0 takes a free one')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port to listen on; 0 takes a free one')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Address or host name to listen on. There is no access control yet: think before you listen beyond this machine')
            [CompletionResult]::new('--max-packet-size', '--max-packet-size', [CompletionResultType]::ParameterName, 'Largest packet taken, in bytes with its fixed header')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'What happens, on stderr: connections, refusals, subscriptions')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Keep what crosses the wire in this file (pcapng); decode, capture-replay and Wireshark read it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'midge;help' {
            [CompletionResult]::new('pub', 'pub', [CompletionResultType]::ParameterValue, 'Publish messages')
            [CompletionResult]::new('sub', 'sub', [CompletionResultType]::ParameterValue, 'Subscribe, and print the messages that come')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Load a broker, and measure rates, latencies and losses')
            [CompletionResult]::new('decode', 'decode', [CompletionResultType]::ParameterValue, 'Decode MQTT packets from a capture file, or from any text that holds their bytes')
            [CompletionResult]::new('capture-replay', 'capture-replay', [CompletionResultType]::ParameterValue, 'Publish again what clients published in a capture, at the captured times')
            [CompletionResult]::new('broker', 'broker', [CompletionResultType]::ParameterValue, 'Run a throwaway MQTT broker, alone or around a command')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'midge;help;pub' {
            break
        }
        'midge;help;sub' {
            break
        }
        'midge;help;bench' {
            break
        }
        'midge;help;decode' {
            break
        }
        'midge;help;capture-replay' {
            break
        }
        'midge;help;broker' {
            break
        }
        'midge;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
