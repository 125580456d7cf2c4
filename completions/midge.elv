
use builtin;
use str;

set edit:completion:arg-completer[midge] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'midge'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'midge'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand pub 'Publish messages'
            cand sub 'Subscribe, and print the messages that come'
            cand bench 'Load a broker, and measure rates, latencies and losses'
            cand decode 'Decode MQTT packets from hex text or a capture file'
            cand capture-replay 'Publish again what clients published in a capture, at the captured times'
            cand replay 'Publish again what clients published in a capture, at the captured times'
            cand broker 'Run a throwaway MQTT broker, alone or around a command'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'midge;pub'= {
            cand -t 'Topic to publish to; the one in the URL if there is none'
            cand --topic 'Topic to publish to; the one in the URL if there is none'
            cand -m 'The message'
            cand --message 'The message'
            cand -f 'Send a file as one message'
            cand --file 'Send a file as one message'
            cand -q 'Quality of Service: 0, 1 or 2'
            cand --qos 'Quality of Service: 0, 1 or 2'
            cand --repeat 'Send the message of -m, -f, -s or -n this many times'
            cand --repeat-delay 'Time between repeats: seconds, or with a unit as in 500ms, 10s, 2m'
            cand -h 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand --host 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand -p 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand --port 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand -L 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand --url 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand -i 'Client Identifier [default: midge- and random characters]'
            cand --id 'Client Identifier [default: midge- and random characters]'
            cand -u 'User name'
            cand --username 'User name'
            cand -P 'Password'
            cand --pw 'Password'
            cand -V 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)'
            cand --protocol-version 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)'
            cand -k 'Keep Alive in seconds; 0 turns it off'
            cand --keepalive 'Keep Alive in seconds; 0 turns it off'
            cand --connect-timeout 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m'
            cand --engine 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s'
            cand -s 'Send all of stdin as one message'
            cand --stdin-file 'Send all of stdin as one message'
            cand -l 'Send each line of stdin as a message, as soon as it is there'
            cand --stdin-line 'Send each line of stdin as a message, as soon as it is there'
            cand -n 'Send a message without payload; with -r it removes the retained message'
            cand --null-message 'Send a message without payload; with -r it removes the retained message'
            cand -r 'Ask the broker to keep the message for later subscribers'
            cand --retain 'Ask the broker to keep the message for later subscribers'
            cand -d 'Say on stderr what is sent and received'
            cand --debug 'Say on stderr what is sent and received'
            cand --help 'Print help'
        }
        &'midge;sub'= {
            cand -t 'Topic filter to subscribe to; may be given more than once. The topic of the URL if there is none'
            cand --topic 'Topic filter to subscribe to; may be given more than once. The topic of the URL if there is none'
            cand -T 'Leave out messages whose topic matches this filter; may be given more than once'
            cand --filter-out 'Leave out messages whose topic matches this filter; may be given more than once'
            cand -q 'Highest Quality of Service to receive at: 0, 1 or 2'
            cand --qos 'Highest Quality of Service to receive at: 0, 1 or 2'
            cand -C 'End after this many messages'
            cand --count 'End after this many messages'
            cand -W 'End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m'
            cand --timeout 'End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m'
            cand -x 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i'
            cand --session-expiry-interval 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i'
            cand -h 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand --host 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand -p 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand --port 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand -L 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand --url 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand -i 'Client Identifier [default: midge- and random characters]'
            cand --id 'Client Identifier [default: midge- and random characters]'
            cand -u 'User name'
            cand --username 'User name'
            cand -P 'Password'
            cand --pw 'Password'
            cand -V 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)'
            cand --protocol-version 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)'
            cand -k 'Keep Alive in seconds; 0 turns it off'
            cand --keepalive 'Keep Alive in seconds; 0 turns it off'
            cand --connect-timeout 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m'
            cand --engine 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s'
            cand -R 'Leave out retained messages'
            cand --no-retained 'Leave out retained messages'
            cand --retained-only 'Print retained messages only, and end with the first other one'
            cand -v 'Print the topic before each payload'
            cand --verbose 'Print the topic before each payload'
            cand -N 'Print no line end behind each message'
            cand --no-eol 'Print no line end behind each message'
            cand --json 'Print one JSON object per message'
            cand -c 'Keep the session at the broker when the connection ends; wants -i'
            cand --disable-clean-session 'Keep the session at the broker when the connection ends; wants -i'
            cand -d 'Say on stderr what is sent and received'
            cand --debug 'Say on stderr what is sent and received'
            cand --help 'Print help'
        }
        &'midge;bench'= {
            cand --publishers 'Connections that publish'
            cand --subscribers 'Connections that subscribe and count what comes'
            cand --idle 'Connections that only stay open'
            cand --rate 'Messages per second, all publishers together; k and M stand for thousand and million [default: as fast as the broker takes them]'
            cand --size 'Bytes of each message''s payload. With subscribers at least 18: what tells one message from another stands there'
            cand --count 'End after this many messages, all publishers together'
            cand --duration 'How long to publish, warm-up not included: seconds, or with a unit as in 500ms, 10s, 2m [default: 10s, or until --count is reached]'
            cand --warmup 'How long to publish before anything is counted'
            cand -t 'Topic to publish to. {run} stands for a name of this run, {client} for the publisher''s number; the subscribers put + in place of a level with {client} [default: midge/bench/{run}/{client}]'
            cand --topic 'Topic to publish to. {run} stands for a name of this run, {client} for the publisher''s number; the subscribers put + in place of a level with {client} [default: midge/bench/{run}/{client}]'
            cand -q 'Quality of Service of messages and subscriptions: 0, 1 or 2'
            cand --qos 'Quality of Service of messages and subscriptions: 0, 1 or 2'
            cand --inflight 'Messages of QoS 1 and 2 that each publisher may have unacknowledged [default: 20; with --rate as many as the broker takes]'
            cand --drain 'How long to wait at the end for messages that are still on their way, counted from the last one that came [default: 1s with QoS 0, else 5s]'
            cand -h 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand --host 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand -p 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand --port 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand -L 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand --url 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand -i 'Client Identifier [default: midge- and random characters]'
            cand --id 'Client Identifier [default: midge- and random characters]'
            cand -u 'User name'
            cand --username 'User name'
            cand -P 'Password'
            cand --pw 'Password'
            cand -V 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)'
            cand --protocol-version 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1)'
            cand -k 'Keep Alive in seconds; 0 turns it off'
            cand --keepalive 'Keep Alive in seconds; 0 turns it off'
            cand --connect-timeout 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m'
            cand --engine 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s'
            cand --json 'Print the result as a JSON object'
            cand --no-progress 'Show no progress on stderr'
            cand -d 'Say on stderr what is sent and received'
            cand --debug 'Say on stderr what is sent and received'
            cand --help 'Print help'
        }
        &'midge;decode'= {
            cand --mqtt-version 'Read what follows CONNECT as this version, whatever it says: 5, 311 or 31'
            cand --from 'Who sent the packets of a hex text'
            cand --port 'Take connections with this port as MQTT, whatever they look like; repeatable'
            cand --not-port 'Leave connections with this port out; repeatable'
            cand --color 'When to use colour'
            cand --json 'One JSON object per packet'
            cand --tree 'Every field with its bytes and bits'
            cand --lines 'One line per packet'
            cand --show-secrets 'Show passwords instead of their length'
            cand --raw 'Add the whole packet as raw_hex to the JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'midge;capture-replay'= {
            cand --speed 'How many times as fast as captured, as in 10 or 0.5; max for no waiting at all'
            cand -h 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand --host 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand -p 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand --port 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand -L 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand --url 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand -u 'User name'
            cand --username 'User name'
            cand -P 'Password'
            cand --pw 'Password'
            cand -k 'Keep Alive in seconds; 0 turns it off'
            cand --keepalive 'Keep Alive in seconds; 0 turns it off'
            cand --connect-timeout 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m'
            cand --engine 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s'
            cand -V 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was'
            cand --protocol-version 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was'
            cand -i 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]'
            cand --id 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]'
            cand -y 'Play to a broker that is not on this machine'
            cand --yes 'Play to a broker that is not on this machine'
            cand --dry-run 'Say what would be played, and connect to nothing'
            cand --json 'The summary as a JSON object'
            cand -d 'Say on stderr what is sent and received'
            cand --debug 'Say on stderr what is sent and received'
            cand --help 'Print help'
        }
        &'midge;replay'= {
            cand --speed 'How many times as fast as captured, as in 10 or 0.5; max for no waiting at all'
            cand -h 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand --host 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]'
            cand -p 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand --port 'Port of the broker [env: MQTT_PORT] [default: 1883]'
            cand -L 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand --url 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] [env: MQTT_URL, where neither host nor port is given]'
            cand -u 'User name'
            cand --username 'User name'
            cand -P 'Password'
            cand --pw 'Password'
            cand -k 'Keep Alive in seconds; 0 turns it off'
            cand --keepalive 'Keep Alive in seconds; 0 turns it off'
            cand --connect-timeout 'Longest time from the first packet to the broker''s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m'
            cand --engine 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge''s faults from the broker''s'
            cand -V 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was'
            cand --protocol-version 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was'
            cand -i 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]'
            cand --id 'What client identifiers begin with; - and the number of the connection follow [default: midge-replay- and random characters]'
            cand -y 'Play to a broker that is not on this machine'
            cand --yes 'Play to a broker that is not on this machine'
            cand --dry-run 'Say what would be played, and connect to nothing'
            cand --json 'The summary as a JSON object'
            cand -d 'Say on stderr what is sent and received'
            cand --debug 'Say on stderr what is sent and received'
            cand --help 'Print help'
        }
        &'midge;broker'= {
            cand -p 'Port to listen on; 0 takes a free one'
            cand --port 'Port to listen on; 0 takes a free one'
            cand --bind 'Address or host name to listen on. There is no access control yet: think before you listen beyond this machine'
            cand --max-packet-size 'Largest packet taken, in bytes with its fixed header'
            cand --log 'What happens, on stderr: connections, refusals, subscriptions'
            cand --record 'Keep what crosses the wire in this file (pcapng); decode, capture-replay and Wireshark read it'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'midge;help'= {
            cand pub 'Publish messages'
            cand sub 'Subscribe, and print the messages that come'
            cand bench 'Load a broker, and measure rates, latencies and losses'
            cand decode 'Decode MQTT packets from hex text or a capture file'
            cand capture-replay 'Publish again what clients published in a capture, at the captured times'
            cand broker 'Run a throwaway MQTT broker, alone or around a command'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'midge;help;pub'= {
        }
        &'midge;help;sub'= {
        }
        &'midge;help;bench'= {
        }
        &'midge;help;decode'= {
        }
        &'midge;help;capture-replay'= {
        }
        &'midge;help;broker'= {
        }
        &'midge;help;help'= {
        }
    ]
    $completions[$command]
}
