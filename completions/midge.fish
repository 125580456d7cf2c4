# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_midge_global_optspecs
    string join \n profile= config= h/help V/version
end

function __fish_midge_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_midge_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_midge_using_subcommand
    set -l cmd (__fish_midge_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c midge -n "__fish_midge_needs_command" -l profile -d 'As behind the subcommand: the profile with the connection flags' -r
complete -c midge -n "__fish_midge_needs_command" -l config -d 'As behind the subcommand: the file with the profiles' -r -F
complete -c midge -n "__fish_midge_needs_command" -s h -l help -d 'Print help'
complete -c midge -n "__fish_midge_needs_command" -s V -l version -d 'Print version'
complete -c midge -n "__fish_midge_needs_command" -f -a "pub" -d 'Publish messages'
complete -c midge -n "__fish_midge_needs_command" -f -a "sub" -d 'Subscribe, and print the messages that come'
complete -c midge -n "__fish_midge_needs_command" -f -a "rr" -d 'Publish a request, and print the response to it'
complete -c midge -n "__fish_midge_needs_command" -f -a "bench" -d 'Load a broker, and measure rates, latencies and losses'
complete -c midge -n "__fish_midge_needs_command" -f -a "decode" -d 'Decode MQTT packets from a capture file, or from any text that holds their bytes'
complete -c midge -n "__fish_midge_needs_command" -f -a "capture-replay" -d 'Play what clients did in a capture again, as real clients, at the captured times'
complete -c midge -n "__fish_midge_needs_command" -f -a "replay" -d 'Play what clients did in a capture again, as real clients, at the captured times'
complete -c midge -n "__fish_midge_needs_command" -f -a "broker" -d 'Run a throwaway MQTT broker, alone or around a command'
complete -c midge -n "__fish_midge_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c midge -n "__fish_midge_using_subcommand pub" -s t -l topic -d 'Topic to publish to; the one in the URL if there is none. May be given more than once: every message goes to each' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s m -l message -d 'The message' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s f -l file -d 'Send a file as one message; with --json-lines or --lines-with-topic, its lines' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l encode -d 'Turn the payload into this form before it is sent: hex or base64 (of any bytes), or, from JSON, json (checked, without white space), cbor or msgpack' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l decode -d 'Read the payload as this form, and send what it stands for: the bytes of hex or base64, or the JSON of json, cbor or msgpack. Comes before --encode' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s q -l qos -d 'Quality of Service: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l repeat -d 'Send the message of -m, -f, -s or -n this many times' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l repeat-delay -d 'Time between repeats: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l rate -d 'Send at most so many messages in a time, at equal distances: 100/s, 10/m, 1k/s' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s W -l timeout -d 'Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m. It counts from when -f or -s is read' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s h -l host -d 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s p -l port -d 'Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s L -l url -d 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: MQTT_URL, where neither host, port nor --unix is given]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s i -l id -d 'Client Identifier [default: midge- and random characters]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s u -l username -d 'User name' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s P -l pw -l password -d 'Password; where other people use this machine, too, better by MIDGE_PASSWORD, --password-file or --ask-password' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l password-file -d 'Password: the first line of this file' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -s V -l protocol-version -d 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1) [default: 5; pub and sub go on with 311 where the broker refuses 5]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s k -l keepalive -d 'Keep Alive in seconds; 0 turns it off' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l connect-timeout -d 'Longest time from the first packet to the broker\'s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l engine -d 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge\'s faults from the broker\'s' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s A -l bind-address -d 'Local address, or its name, that the connection starts at' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l unix -d 'Connect to a unix socket, in place of host and port' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l proxy -d 'Go through a SOCKS5 proxy, which also resolves the broker\'s name: socks5h://[USER:PASSWORD@]HOST[:PORT]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l ws-path -d 'Path of the WebSocket, with its query [default: /mqtt]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l ws-header -d 'A header for the WebSocket\'s HTTP request; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l cafile -d 'Use TLS, and trust the certificates in this file (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l capath -d 'Use TLS, and trust the certificates in the files of this folder (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l cert -d 'Client certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l key -d 'Key of the client certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l tls-version -d 'The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l ciphers -d 'Cipher suites to offer, by OpenSSL\'s names with colons between' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l tls-alpn -d 'Protocol to offer by ALPN, e.g. mqtt' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l tls-keylog -d 'Append the secrets of the connection to this file, for decode --keylog and for Wireshark' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -l profile -d 'Take connection flags that are not given from this profile; also in front of the subcommand [env: MIDGE_PROFILE]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l config -d 'The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in $HOME/.config] [env: MIDGE_CONFIG]' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -s o -l options -d 'Read flags from this file, one a line as in "-q 1", in front of those that are given here; # begins a comment' -r -F
complete -c midge -n "__fish_midge_using_subcommand pub" -s I -l id-prefix -d 'Client Identifier: this, and the number of the process' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s x -l session-expiry-interval -d 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s M -l max-inflight -d 'Messages of QoS 1 and 2 that may be on their way at once, if the broker takes as many [default: as many as it takes; pub: at most 4000]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l will-topic -d 'Topic of the message that the broker sends if this client is lost' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l will-payload -d 'Payload of that message [default: none]' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l will-qos -d 'QoS of that message: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s D -l property -d 'A property of MQTT 5.0 in one kind of packet; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l retry -d 'How long to try again, with growing pauses, when there is no connection or it is lost: a time as in 30s or 2m, forever, or none. What is not acknowledged is sent again. A refusal that will not go away, such as a wrong password, ends it at once. Before MQTT 5.0 a broker keeps a session only if it is told by -c: without, QoS 2 may come twice where a connection is lost' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -l answer-timeout -d 'Give a broker up that owes an acknowledgement, or the rest of a packet, and sends none for this time, although it may answer pings: seconds, or with a unit as in 500ms, 10s, 2m; 0 waits for ever. The engine rumqttc has no such limit' -r
complete -c midge -n "__fish_midge_using_subcommand pub" -s s -l stdin-file -d 'Send all of stdin as one message'
complete -c midge -n "__fish_midge_using_subcommand pub" -s l -l stdin-line -d 'Send each line of stdin as a message, as soon as it is there'
complete -c midge -n "__fish_midge_using_subcommand pub" -s n -l null-message -d 'Send a message without payload; with -r it removes the retained message'
complete -c midge -n "__fish_midge_using_subcommand pub" -l json-lines -d 'Send a message for each line of stdin or of -f: a JSON object as sub --json prints it'
complete -c midge -n "__fish_midge_using_subcommand pub" -l lines-with-topic -d 'Send a message for each line of stdin or of -f: topic, tab, payload'
complete -c midge -n "__fish_midge_using_subcommand pub" -s r -l retain -d 'Ask the broker to keep the message for later subscribers'
complete -c midge -n "__fish_midge_using_subcommand pub" -l no-progress -d 'Show no progress on a terminal when it takes longer than a second'
complete -c midge -n "__fish_midge_using_subcommand pub" -s S -l srv -d 'Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS _secure-mqtt._tcp. A certificate has to be for that domain'
complete -c midge -n "__fish_midge_using_subcommand pub" -l ask-password -d 'Ask for the password on the terminal'
complete -c midge -n "__fish_midge_using_subcommand pub" -s d -l debug -d 'Say on stderr what is sent and received'
complete -c midge -n "__fish_midge_using_subcommand pub" -l nodelay -d 'Send small packets at once; midge always does'
complete -c midge -n "__fish_midge_using_subcommand pub" -l ws -d 'Use WebSocket'
complete -c midge -n "__fish_midge_using_subcommand pub" -l tls-use-os-certs -d 'Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port 8883 if neither --cafile nor --capath is given'
complete -c midge -n "__fish_midge_using_subcommand pub" -l no-tls -d 'No TLS on port 8883'
complete -c midge -n "__fish_midge_using_subcommand pub" -l insecure -d 'Accept a certificate of the broker that is for another name. Who signed it and until when it holds is checked all the same'
complete -c midge -n "__fish_midge_using_subcommand pub" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand pub" -s c -l disable-clean-session -d 'Keep the session at the broker when the connection ends; wants -i'
complete -c midge -n "__fish_midge_using_subcommand pub" -l quiet -d 'Say nothing on stderr about what went wrong; the exit code tells'
complete -c midge -n "__fish_midge_using_subcommand pub" -l will-retain -d 'Retain that message'
complete -c midge -n "__fish_midge_using_subcommand sub" -s t -l topic -d 'Topic filter to subscribe to; may be given more than once. The topic of the URL if there is none' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s T -l filter-out -d 'Leave out messages whose topic matches this filter; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s U -l unsubscribe -d 'Topic filter to unsubscribe from, after the subscribing; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s q -l qos -d 'Highest Quality of Service to receive at: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s C -l count -d 'End after this many messages. With 5.0 and a session that is kept the broker is asked not to send more at a time, so that the others stay there as they are' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s W -l timeout -d 'End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l idle -d 'End when no message has come for this time, with exit code 0' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l until -d 'End with the first message whose payload matches; exit code 5 if the end comes without one' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l until-json -d 'End with the first message whose payload is JSON with such a value, as in a.b==1' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l ready-file -d 'Write this file when all subscriptions are acknowledged. One that is there is removed first' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l ready-fd -d 'Write the line "ready" to this open file descriptor when all subscriptions are acknowledged' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l random-filter -d 'Let through this percentage of the messages, by chance: 0.1 to 100' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l decode -d 'Show payloads as hex or base64 text, or as the JSON that is in them: json, cbor or msgpack' -r -f -a "hex\t''
base64\t''
json\t''
cbor\t''
msgpack\t''"
complete -c midge -n "__fish_midge_using_subcommand sub" -l exec -d 'Run a command for each message, with the payload on its stdin' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l exec-jobs -d 'Commands of --exec that run at once; with 1 in the order of the messages [default: 1]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l output-dir -d 'Write each payload to a file of its own in this directory' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l record -d 'Record what is received as a pcapng file, for decode and capture-replay' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l retain-handling -d 'When the broker sends retained messages: always, new (if the subscription is) or never. MQTT 5.0' -r -f -a "always\t''
new\t''
never\t''"
complete -c midge -n "__fish_midge_using_subcommand sub" -s F -l format -d 'How to print each message, as in \'%I %t %p\'' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s h -l host -d 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s p -l port -d 'Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s L -l url -d 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: MQTT_URL, where neither host, port nor --unix is given]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s i -l id -d 'Client Identifier [default: midge- and random characters]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s u -l username -d 'User name' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s P -l pw -l password -d 'Password; where other people use this machine, too, better by MIDGE_PASSWORD, --password-file or --ask-password' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l password-file -d 'Password: the first line of this file' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -s V -l protocol-version -d 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1) [default: 5; pub and sub go on with 311 where the broker refuses 5]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s k -l keepalive -d 'Keep Alive in seconds; 0 turns it off' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l connect-timeout -d 'Longest time from the first packet to the broker\'s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l engine -d 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge\'s faults from the broker\'s' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s A -l bind-address -d 'Local address, or its name, that the connection starts at' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l unix -d 'Connect to a unix socket, in place of host and port' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l proxy -d 'Go through a SOCKS5 proxy, which also resolves the broker\'s name: socks5h://[USER:PASSWORD@]HOST[:PORT]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l ws-path -d 'Path of the WebSocket, with its query [default: /mqtt]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l ws-header -d 'A header for the WebSocket\'s HTTP request; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l cafile -d 'Use TLS, and trust the certificates in this file (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l capath -d 'Use TLS, and trust the certificates in the files of this folder (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l cert -d 'Client certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l key -d 'Key of the client certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l tls-version -d 'The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l ciphers -d 'Cipher suites to offer, by OpenSSL\'s names with colons between' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l tls-alpn -d 'Protocol to offer by ALPN, e.g. mqtt' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l tls-keylog -d 'Append the secrets of the connection to this file, for decode --keylog and for Wireshark' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -l profile -d 'Take connection flags that are not given from this profile; also in front of the subcommand [env: MIDGE_PROFILE]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l config -d 'The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in $HOME/.config] [env: MIDGE_CONFIG]' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -s o -l options -d 'Read flags from this file, one a line as in "-q 1", in front of those that are given here; # begins a comment' -r -F
complete -c midge -n "__fish_midge_using_subcommand sub" -s I -l id-prefix -d 'Client Identifier: this, and the number of the process' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s x -l session-expiry-interval -d 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s M -l max-inflight -d 'Messages of QoS 1 and 2 that may be on their way at once, if the broker takes as many [default: as many as it takes; pub: at most 4000]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l will-topic -d 'Topic of the message that the broker sends if this client is lost' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l will-payload -d 'Payload of that message [default: none]' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l will-qos -d 'QoS of that message: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s D -l property -d 'A property of MQTT 5.0 in one kind of packet; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l retry -d 'How long to try again, with growing pauses, when there is no connection or it is lost: a time as in 30s or 2m, forever, or none. What is not acknowledged is sent again. A refusal that will not go away, such as a wrong password, ends it at once. Before MQTT 5.0 a broker keeps a session only if it is told by -c: without, QoS 2 may come twice where a connection is lost' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -l answer-timeout -d 'Give a broker up that owes an acknowledgement, or the rest of a packet, and sends none for this time, although it may answer pings: seconds, or with a unit as in 500ms, 10s, 2m; 0 waits for ever. The engine rumqttc has no such limit' -r
complete -c midge -n "__fish_midge_using_subcommand sub" -s E -l subscribe-only -d 'End when all subscriptions are acknowledged, without a message'
complete -c midge -n "__fish_midge_using_subcommand sub" -l retained-only -d 'Print retained messages only, and end with the first other one'
complete -c midge -n "__fish_midge_using_subcommand sub" -l retained -d 'Print retained messages only, and end when all have come'
complete -c midge -n "__fish_midge_using_subcommand sub" -l remove-retained -d 'Clear every retained message that comes and that -T lets through, also with -R'
complete -c midge -n "__fish_midge_using_subcommand sub" -l no-local -d 'Leave out what this client publishes itself, as a bridge wants it. MQTT 5.0'
complete -c midge -n "__fish_midge_using_subcommand sub" -s w -l watch -d 'Give every topic a line of its own on the terminal, which shows its last message'
complete -c midge -n "__fish_midge_using_subcommand sub" -l message-rate -d 'Print every second how many messages have come in it, and no message'
complete -c midge -n "__fish_midge_using_subcommand sub" -l rate-line -d 'Show on stderr, if it is a terminal, how many messages come'
complete -c midge -n "__fish_midge_using_subcommand sub" -s R -l no-retained -d 'Leave out retained messages'
complete -c midge -n "__fish_midge_using_subcommand sub" -l retain-as-published -d 'Keep the retain flag that a message was published with. MQTT 5.0'
complete -c midge -n "__fish_midge_using_subcommand sub" -s v -l verbose -d 'Print the topic before each payload'
complete -c midge -n "__fish_midge_using_subcommand sub" -s N -l no-eol -d 'Print no line end behind each message'
complete -c midge -n "__fish_midge_using_subcommand sub" -l pretty -d 'Print JSON (-F %j and %J, --decode) with a line for each value'
complete -c midge -n "__fish_midge_using_subcommand sub" -l json -d 'Print one JSON object per message'
complete -c midge -n "__fish_midge_using_subcommand sub" -s S -l srv -d 'Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS _secure-mqtt._tcp. A certificate has to be for that domain'
complete -c midge -n "__fish_midge_using_subcommand sub" -l ask-password -d 'Ask for the password on the terminal'
complete -c midge -n "__fish_midge_using_subcommand sub" -s d -l debug -d 'Say on stderr what is sent and received'
complete -c midge -n "__fish_midge_using_subcommand sub" -l nodelay -d 'Send small packets at once; midge always does'
complete -c midge -n "__fish_midge_using_subcommand sub" -l ws -d 'Use WebSocket'
complete -c midge -n "__fish_midge_using_subcommand sub" -l tls-use-os-certs -d 'Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port 8883 if neither --cafile nor --capath is given'
complete -c midge -n "__fish_midge_using_subcommand sub" -l no-tls -d 'No TLS on port 8883'
complete -c midge -n "__fish_midge_using_subcommand sub" -l insecure -d 'Accept a certificate of the broker that is for another name. Who signed it and until when it holds is checked all the same'
complete -c midge -n "__fish_midge_using_subcommand sub" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand sub" -s c -l disable-clean-session -d 'Keep the session at the broker when the connection ends; wants -i'
complete -c midge -n "__fish_midge_using_subcommand sub" -l quiet -d 'Say nothing on stderr about what went wrong; the exit code tells'
complete -c midge -n "__fish_midge_using_subcommand sub" -l will-retain -d 'Retain that message'
complete -c midge -n "__fish_midge_using_subcommand rr" -s t -l topic -d 'Topic to publish the request to; the one in the URL if there is none' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s e -d 'Topic that the response comes to [default with MQTT 5.0: a random one, below what the broker names as response information if -D connect request-response-information 1 asks it to]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s m -l message -d 'The request' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s f -l file -d 'Send a file as the request' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -s q -l qos -d 'Quality of Service of the request, and the highest of the response: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s W -l timeout -d 'Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l retain-handling -d 'When the broker sends retained messages: always, new (if the subscription is) or never. MQTT 5.0' -r -f -a "always\t''
new\t''
never\t''"
complete -c midge -n "__fish_midge_using_subcommand rr" -s F -l format -d 'How to print each message, as in \'%I %t %p\'' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s h -l host -d 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s p -l port -d 'Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s L -l url -d 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: MQTT_URL, where neither host, port nor --unix is given]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s i -l id -d 'Client Identifier [default: midge- and random characters]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s u -l username -d 'User name' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s P -l pw -l password -d 'Password; where other people use this machine, too, better by MIDGE_PASSWORD, --password-file or --ask-password' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l password-file -d 'Password: the first line of this file' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -s V -l protocol-version -d 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1) [default: 5; pub and sub go on with 311 where the broker refuses 5]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s k -l keepalive -d 'Keep Alive in seconds; 0 turns it off' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l connect-timeout -d 'Longest time from the first packet to the broker\'s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l engine -d 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge\'s faults from the broker\'s' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s A -l bind-address -d 'Local address, or its name, that the connection starts at' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l unix -d 'Connect to a unix socket, in place of host and port' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -l proxy -d 'Go through a SOCKS5 proxy, which also resolves the broker\'s name: socks5h://[USER:PASSWORD@]HOST[:PORT]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l ws-path -d 'Path of the WebSocket, with its query [default: /mqtt]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l ws-header -d 'A header for the WebSocket\'s HTTP request; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l cafile -d 'Use TLS, and trust the certificates in this file (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -l capath -d 'Use TLS, and trust the certificates in the files of this folder (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -l cert -d 'Client certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -l key -d 'Key of the client certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -l tls-version -d 'The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l ciphers -d 'Cipher suites to offer, by OpenSSL\'s names with colons between' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l tls-alpn -d 'Protocol to offer by ALPN, e.g. mqtt' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l tls-keylog -d 'Append the secrets of the connection to this file, for decode --keylog and for Wireshark' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -l profile -d 'Take connection flags that are not given from this profile; also in front of the subcommand [env: MIDGE_PROFILE]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l config -d 'The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in $HOME/.config] [env: MIDGE_CONFIG]' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -s o -l options -d 'Read flags from this file, one a line as in "-q 1", in front of those that are given here; # begins a comment' -r -F
complete -c midge -n "__fish_midge_using_subcommand rr" -s I -l id-prefix -d 'Client Identifier: this, and the number of the process' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s x -l session-expiry-interval -d 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s M -l max-inflight -d 'Messages of QoS 1 and 2 that may be on their way at once, if the broker takes as many [default: as many as it takes; pub: at most 4000]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l will-topic -d 'Topic of the message that the broker sends if this client is lost' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l will-payload -d 'Payload of that message [default: none]' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l will-qos -d 'QoS of that message: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s D -l property -d 'A property of MQTT 5.0 in one kind of packet; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l retry -d 'How long to try again, with growing pauses, when there is no connection or it is lost: a time as in 30s or 2m, forever, or none. What is not acknowledged is sent again. A refusal that will not go away, such as a wrong password, ends it at once. Before MQTT 5.0 a broker keeps a session only if it is told by -c: without, QoS 2 may come twice where a connection is lost' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -l answer-timeout -d 'Give a broker up that owes an acknowledgement, or the rest of a packet, and sends none for this time, although it may answer pings: seconds, or with a unit as in 500ms, 10s, 2m; 0 waits for ever. The engine rumqttc has no such limit' -r
complete -c midge -n "__fish_midge_using_subcommand rr" -s s -l stdin-file -d 'Send all of stdin as the request'
complete -c midge -n "__fish_midge_using_subcommand rr" -s n -l null-message -d 'Send a request without payload'
complete -c midge -n "__fish_midge_using_subcommand rr" -l latency -d 'Print on stderr how long the response took, from the sending of the request'
complete -c midge -n "__fish_midge_using_subcommand rr" -s R -l no-retained -d 'Leave out retained messages'
complete -c midge -n "__fish_midge_using_subcommand rr" -l retain-as-published -d 'Keep the retain flag that a message was published with. MQTT 5.0'
complete -c midge -n "__fish_midge_using_subcommand rr" -s v -l verbose -d 'Print the topic before each payload'
complete -c midge -n "__fish_midge_using_subcommand rr" -s N -l no-eol -d 'Print no line end behind each message'
complete -c midge -n "__fish_midge_using_subcommand rr" -l pretty -d 'Print JSON (-F %j and %J, --decode) with a line for each value'
complete -c midge -n "__fish_midge_using_subcommand rr" -l json -d 'Print one JSON object per message'
complete -c midge -n "__fish_midge_using_subcommand rr" -s S -l srv -d 'Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS _secure-mqtt._tcp. A certificate has to be for that domain'
complete -c midge -n "__fish_midge_using_subcommand rr" -l ask-password -d 'Ask for the password on the terminal'
complete -c midge -n "__fish_midge_using_subcommand rr" -s d -l debug -d 'Say on stderr what is sent and received'
complete -c midge -n "__fish_midge_using_subcommand rr" -l nodelay -d 'Send small packets at once; midge always does'
complete -c midge -n "__fish_midge_using_subcommand rr" -l ws -d 'Use WebSocket'
complete -c midge -n "__fish_midge_using_subcommand rr" -l tls-use-os-certs -d 'Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port 8883 if neither --cafile nor --capath is given'
complete -c midge -n "__fish_midge_using_subcommand rr" -l no-tls -d 'No TLS on port 8883'
complete -c midge -n "__fish_midge_using_subcommand rr" -l insecure -d 'Accept a certificate of the broker that is for another name. Who signed it and until when it holds is checked all the same'
complete -c midge -n "__fish_midge_using_subcommand rr" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand rr" -s c -l disable-clean-session -d 'Keep the session at the broker when the connection ends; wants -i'
complete -c midge -n "__fish_midge_using_subcommand rr" -l quiet -d 'Say nothing on stderr about what went wrong; the exit code tells'
complete -c midge -n "__fish_midge_using_subcommand rr" -l will-retain -d 'Retain that message'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l publishers -d 'Connections that publish [default: 1]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l subscribers -d 'Connections that subscribe and count what comes [default: 1]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l idle -d 'Connections that only stay open [default: 0]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l rate -d 'Messages per second, all publishers together: 1000, 50k/s, 1.5M/s, 10/m [default: as fast as the broker takes them]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l rate-per-client -d 'Messages per second of each publisher, in place of --rate' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l size -d 'Bytes of a payload, with subscribers at least 21, where it is told what message it is: a number, a range, or several with weights [default: 64]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l payload -d 'Publish this text; {client}, {seq}, {time} and {rand:N} in it are filled in' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l payload-file -d 'Publish what is in this file; with subscribers, 21 bytes that tell one message from another stand in front of it' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l count -d 'End after this many messages, all publishers together' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l duration -d 'How long to publish, warm-up not included: seconds, or with a unit as in 500ms, 10s, 2m [default: 10s, or until --count is reached]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l warmup -d 'How long to publish before anything is counted [default: 0]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s t -l topic -d 'Topic to publish to; {client}, n in braces, {rand:N} and {run} in it are filled in' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l topics-per-client -d 'Topics of each publisher, used in turn: n in braces in the topic [default: 1]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l share -d 'Share the subscription under this name: each message goes to one of the subscribers' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s q -l qos -d 'Quality of Service of messages and subscriptions: 0, 1 or 2 [default: 0]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l inflight -d 'Messages of QoS 1 and 2 that each publisher may have unacknowledged, as -M [default: 20; with a rate as many as the broker takes]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l reconnect-every -d 'Each connection leaves and comes back after this time, in turn: seconds, or with a unit as in 500ms, 10s, 2m. Subscribers want sessions that are kept (-c, -i)' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l connect-rate -d 'Connections opened per second, all together: 1000, 10k/s [default: as fast as the broker takes them]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l ramp-up -d 'The time in which connections are opened, at equal distances' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l bind -d 'A local address, or its name, that connections start at; with several they take turns, and there are as many ports for each' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l drain -d 'How long to wait at the end for messages that are still on their way, counted from the last one that came [default: 1s with QoS 0, else 5s]. A run with --count and no --duration also ends if nothing moves for ten times as long' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l scenario -d 'Take what is not given here from this file, which may have several groups of clients' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l shard -d 'Be part I of N, from 0: of the clients, the messages and the rate. Every part is given the same flags but for I, and all begin at --start-at' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l start-at -d 'When to begin to publish: as in 2026-01-31T12:00:00Z, in seconds since 1970, or +5s from now. Connections are opened before' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l run -d 'The run\'s name, 8 hexadecimal digits: where parts of one run cannot tell it from their flags [default: a random one, and of parts one made of their flags]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l workers -d 'Threads that do the work [default: one for each core, and no more than connections]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l metrics -d 'Serve the figures to Prometheus while it runs: at this address, as in 127.0.0.1:9464' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l out -d 'Write the whole result to this file, histograms included: for --compare, \'bench merge\' and \'bench show\'. It is JSON, and has everything that --json prints' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l html -d 'Write the result with its plots as one page, that a browser shows without network' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l assert -d 'What must hold, else exit code 5 and a line on stderr, as in \'e2e.p99 < 10ms\', \'lost == 0\', \'lost < 0.1%\' or \'rate > 50k/s\'. May be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l compare -d 'Compare with a result that --out has written: a figure that is worse than there by more than --tolerance is a line on stderr and exit code 5. Percentiles are judged if both runs have at least 100 times above them' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l tolerance -d 'How much worse a figure may be, in parts of 100 of what it was' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s h -l host -d 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s p -l port -d 'Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s L -l url -d 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: MQTT_URL, where neither host, port nor --unix is given]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s i -l id -d 'Client Identifier [default: midge- and random characters]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s u -l username -d 'User name' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s P -l pw -l password -d 'Password; where other people use this machine, too, better by MIDGE_PASSWORD, --password-file or --ask-password' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l password-file -d 'Password: the first line of this file' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s V -l protocol-version -d 'MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1) [default: 5; pub and sub go on with 311 where the broker refuses 5]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s k -l keepalive -d 'Keep Alive in seconds; 0 turns it off' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l connect-timeout -d 'Longest time from the first packet to the broker\'s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l engine -d 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge\'s faults from the broker\'s' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s A -l bind-address -d 'Local address, or its name, that the connection starts at' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l unix -d 'Connect to a unix socket, in place of host and port' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l proxy -d 'Go through a SOCKS5 proxy, which also resolves the broker\'s name: socks5h://[USER:PASSWORD@]HOST[:PORT]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l ws-path -d 'Path of the WebSocket, with its query [default: /mqtt]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l ws-header -d 'A header for the WebSocket\'s HTTP request; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l cafile -d 'Use TLS, and trust the certificates in this file (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l capath -d 'Use TLS, and trust the certificates in the files of this folder (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l cert -d 'Client certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l key -d 'Key of the client certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l tls-version -d 'The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l ciphers -d 'Cipher suites to offer, by OpenSSL\'s names with colons between' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l tls-alpn -d 'Protocol to offer by ALPN, e.g. mqtt' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l tls-keylog -d 'Append the secrets of the connection to this file, for decode --keylog and for Wireshark' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l profile -d 'Take connection flags that are not given from this profile; also in front of the subcommand [env: MIDGE_PROFILE]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l config -d 'The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in $HOME/.config] [env: MIDGE_CONFIG]' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s o -l options -d 'Read flags from this file, one a line as in "-q 1", in front of those that are given here; # begins a comment' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s I -l id-prefix -d 'Client Identifier: this, and the number of the process' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s x -l session-expiry-interval -d 'Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s, 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s M -l max-inflight -d 'Messages of QoS 1 and 2 that may be on their way at once, if the broker takes as many [default: as many as it takes; pub: at most 4000]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l will-topic -d 'Topic of the message that the broker sends if this client is lost' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l will-payload -d 'Payload of that message [default: none]' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l will-qos -d 'QoS of that message: 0, 1 or 2' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s D -l property -d 'A property of MQTT 5.0 in one kind of packet; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s r -l retain -d 'Ask the broker to keep the messages for later subscribers'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l embedded -d 'Start a broker of midge\'s own as a second process, and load that'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l no-progress -d 'Show no progress on stderr'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l json -d 'Print the result as a JSON object'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l plot -d 'Draw rates and latencies in the terminal, below the summary'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s S -l srv -d 'Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS _secure-mqtt._tcp. A certificate has to be for that domain'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l ask-password -d 'Ask for the password on the terminal'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s d -l debug -d 'Say on stderr what is sent and received'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l nodelay -d 'Send small packets at once; midge always does'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l ws -d 'Use WebSocket'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l tls-use-os-certs -d 'Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port 8883 if neither --cafile nor --capath is given'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l no-tls -d 'No TLS on port 8883'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l insecure -d 'Accept a certificate of the broker that is for another name. Who signed it and until when it holds is checked all the same'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -s c -l disable-clean-session -d 'Keep the session at the broker when the connection ends; wants -i'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l quiet -d 'Say nothing on stderr about what went wrong; the exit code tells'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -l will-retain -d 'Retain that message'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -f -a "merge" -d 'Add the results of several machines or shards to one'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -f -a "show" -d 'Show a result again'
complete -c midge -n "__fish_midge_using_subcommand bench; and not __fish_seen_subcommand_from merge show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l out -d 'Write the whole result to this file, histograms included: for --compare, \'bench merge\' and \'bench show\'. It is JSON, and has everything that --json prints' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l html -d 'Write the result with its plots as one page, that a browser shows without network' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l assert -d 'What must hold, else exit code 5 and a line on stderr, as in \'e2e.p99 < 10ms\', \'lost == 0\', \'lost < 0.1%\' or \'rate > 50k/s\'. May be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l compare -d 'Compare with a result that --out has written: a figure that is worse than there by more than --tolerance is a line on stderr and exit code 5. Percentiles are judged if both runs have at least 100 times above them' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l tolerance -d 'How much worse a figure may be, in parts of 100 of what it was' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l json -d 'Print the result as a JSON object'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l plot -d 'Draw rates and latencies in the terminal, below the summary'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from merge" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l out -d 'Write the whole result to this file, histograms included: for --compare, \'bench merge\' and \'bench show\'. It is JSON, and has everything that --json prints' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l html -d 'Write the result with its plots as one page, that a browser shows without network' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l assert -d 'What must hold, else exit code 5 and a line on stderr, as in \'e2e.p99 < 10ms\', \'lost == 0\', \'lost < 0.1%\' or \'rate > 50k/s\'. May be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l compare -d 'Compare with a result that --out has written: a figure that is worse than there by more than --tolerance is a line on stderr and exit code 5. Percentiles are judged if both runs have at least 100 times above them' -r -F
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l tolerance -d 'How much worse a figure may be, in parts of 100 of what it was' -r
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l json -d 'Print the result as a JSON object'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l plot -d 'Draw rates and latencies in the terminal, below the summary'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from show" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "merge" -d 'Add the results of several machines or shards to one'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a result again'
complete -c midge -n "__fish_midge_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c midge -n "__fish_midge_using_subcommand decode" -l input -d 'Take the input as this, whatever it looks like' -r -f -a "hex\t'Pairs of hex digits'
array\t'Numbers in an array, as in C: decimal, or hex with 0x'
escaped\t'A string with escapes such as \\x10 or \\020'
dump\t'Lines of an offset and bytes in hex'
base64\t'Base64'
binary\t'The packets as they are'"
complete -c midge -n "__fish_midge_using_subcommand decode" -l time -d 'Times in front of lines and in diagrams [default: relative]' -r -f -a "relative\t'Seconds since the first packet'
delta\t'Seconds since the line before'
clock\t'Time of day, in this time zone'
utc\t'Date and time in UTC'"
complete -c midge -n "__fish_midge_using_subcommand decode" -l payload -d 'How to read payloads on topics that match; repeatable, the first match counts' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l lint -d 'Check the packets, each alone and all together, against the standard; exit 5 if something is as bad as this or worse [default: warning]' -r -f -a "error\t'Breaks the standard; a receiver closes the connection'
warning\t'Unwise, or unclear in the standard, or not certain'
info\t'Worth knowing; nothing is broken'"
complete -c midge -n "__fish_midge_using_subcommand decode" -l mqtt-version -d 'Read what follows CONNECT as this version, whatever it says: 5, 311 or 31' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l type -d 'Only packets of these types, with commas: PUBLISH,PUBACK; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l client -d 'Only packets to and from the client with this identifier; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l topic -d 'Only what is about topics that match; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l stream -d 'Only these connections, by number: 0, 2-5, 7-, and u0 of UDP alone; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l frame -d 'Only packets that these frames completed: 4, 10-20, 30-; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l from -d 'Only what this side sent; of packets without a capture, who sent them' -r -f -a "client\t'The end that sends CONNECT'
server\t'The broker'"
complete -c midge -n "__fish_midge_using_subcommand decode" -l reason -d 'Only packets with this reason code: 0x87, 135, not-authorized, or error; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l since -d 'Only from then on: 2026-11-21T10:00:00Z, or 5s, 1m30s after the first packet' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l until -d 'Only up to then' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l write -d 'Write the frames of what is selected to a pcapng file, as they are; - is stdout' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l port -d 'Take connections with this port as MQTT, whatever they look like; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l not-port -d 'Leave connections with this port out; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l sn-topics -d 'Names of predefined MQTT-SN topic ids: lines "ID NAME", or "CLIENT:ID NAME"' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l keylog -d 'Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE format)' -r
complete -c midge -n "__fish_midge_using_subcommand decode" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c midge -n "__fish_midge_using_subcommand decode" -l json -d 'One JSON object per packet'
complete -c midge -n "__fish_midge_using_subcommand decode" -l tree -d 'Every field with its bytes and bits'
complete -c midge -n "__fish_midge_using_subcommand decode" -l hex -d 'Every byte beside the field that it belongs to'
complete -c midge -n "__fish_midge_using_subcommand decode" -l lines -d 'One line per packet'
complete -c midge -n "__fish_midge_using_subcommand decode" -l flow -d 'A sequence diagram of each connection, with its handshakes and how long they took'
complete -c midge -n "__fish_midge_using_subcommand decode" -l summary -d 'Only count: packets by type, version and sender, bytes, gaps. With --json as one object'
complete -c midge -n "__fish_midge_using_subcommand decode" -l stats -d 'Count more: by connection and by topic, with rates and delays. With --json as two objects'
complete -c midge -n "__fish_midge_using_subcommand decode" -l violations-only -d 'Only packets that break a rule'
complete -c midge -n "__fish_midge_using_subcommand decode" -l show-secrets -d 'Show passwords instead of their length'
complete -c midge -n "__fish_midge_using_subcommand decode" -l raw -d 'Add the whole packet as raw_hex to the JSON, passwords included'
complete -c midge -n "__fish_midge_using_subcommand decode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l speed -d 'How many times as fast as captured, as in 10 or 0.5; max for no waiting at all' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l rate -d 'Messages of all connections at this rate, as in 1000/s, in place of the captured times' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l max-gap -d 'Pauses in which nothing was captured take this time at most, as in 5s' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l loop -d 'Play it so many times, or forever; from the second time on with -2, -3 behind client identifiers, unless --client-id says {loop}' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l keylog -d 'Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE format)' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l sn-topics -d 'Names of predefined MQTT-SN topic ids: lines "ID NAME", or "CLIENT:ID NAME"' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l client -d 'Only packets to and from the client with this identifier; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l stream -d 'Only these connections, by number: 0, 2-5, 7-, and u0 of UDP alone; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l frame -d 'Only packets that these frames completed: 4, 10-20, 30-; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l from -d 'Only what this side sent; of packets without a capture, who sent them' -r -f -a "client\t'The end that sends CONNECT'
server\t'The broker'"
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l reason -d 'Only packets with this reason code: 0x87, 135, not-authorized, or error; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l since -d 'Only from then on: 2026-11-21T10:00:00Z, or 5s, 1m30s after the first packet' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l until -d 'Only up to then' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l client-id -d 'Client identifiers, as in \'replay-{id}-{loop}\': {id} is the captured one, n in braces the number of the connection, {loop} counts from 1' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l max-qos -d 'Publish, and subscribe, at this QoS at most' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l out -d 'Record the replay: a capture (pcapng), or in a file called .jsonl the lines of decode --json' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s h -l host -d 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s p -l port -d 'Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s L -l url -d 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: MQTT_URL, where neither host, port nor --unix is given]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l password-file -d 'Password: the first line of this file' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l connect-timeout -d 'Longest time from the first packet to the broker\'s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l engine -d 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge\'s faults from the broker\'s' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s A -l bind-address -d 'Local address, or its name, that the connection starts at' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l unix -d 'Connect to a unix socket, in place of host and port' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l proxy -d 'Go through a SOCKS5 proxy, which also resolves the broker\'s name: socks5h://[USER:PASSWORD@]HOST[:PORT]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l ws-path -d 'Path of the WebSocket, with its query [default: /mqtt]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l ws-header -d 'A header for the WebSocket\'s HTTP request; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l cafile -d 'Use TLS, and trust the certificates in this file (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l capath -d 'Use TLS, and trust the certificates in the files of this folder (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l cert -d 'Client certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l key -d 'Key of the client certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l tls-version -d 'The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l ciphers -d 'Cipher suites to offer, by OpenSSL\'s names with colons between' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l tls-alpn -d 'Protocol to offer by ALPN, e.g. mqtt' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l tls-keylog -d 'Append the secrets of the connection to this file, for decode --keylog and for Wireshark' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l profile -d 'Take connection flags that are not given from this profile; also in front of the subcommand [env: MIDGE_PROFILE]' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l config -d 'The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in $HOME/.config] [env: MIDGE_CONFIG]' -r -F
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l retry -d 'How long to try again, with growing pauses, when there is no connection or it is lost: a time as in 30s or 2m, forever, or none. What is not acknowledged is sent again. A refusal that will not go away, such as a wrong password, ends it at once. Before MQTT 5.0 a broker keeps a session only if it is told by -c: without, QoS 2 may come twice where a connection is lost' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l answer-timeout -d 'Give a broker up that owes an acknowledgement, or the rest of a packet, and sends none for this time, although it may answer pings: seconds, or with a unit as in 500ms, 10s, 2m; 0 waits for ever. The engine rumqttc has no such limit' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s V -l protocol-version -d 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s i -l id -d 'What client identifiers begin with, in front of - and the captured one, or the number of the connection where there is none' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s u -l username -d 'User name of every connection, in place of the captured one' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s P -l pw -l password -d 'Password of every connection with a user name, given or captured; where other people use this machine, too, better by MIDGE_PASSWORD, --password-file or --ask-password' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s k -l keepalive -d 'Keep Alive in seconds of connections whose CONNECT was not captured; 0 turns it off' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l topic -d 'Only what is about topics that match; or, as s#REGEX#TEXT#, what topics become; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l type -d 'Only packets of these types, with commas: CONNECT,PUBLISH; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l causal -d 'Wait with what a client does until the broker has answered what it had answered by then in the capture; so it is unless --no-causal is given'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l no-causal -d 'Everything at its time, whatever the broker has answered'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l publishers-only -d 'Only messages of clients, each over a connection that does nothing else'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l deliveries -d 'Play what servers delivered, not what clients did; so it is in any case with a file in which no client does anything but subscribe, as sub --record makes it, and with lines of sub --json on stdin'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l infer-subscriptions -d 'Where a CONNECT was not captured, subscribe to the topics that the client was sent messages on. Reads the file twice'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l violations-only -d 'Only packets that break a rule'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l strip-retain -d 'Publish without RETAIN, wills too'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l shift-times -d 'Move times in payloads to those of the replay: numbers of seconds, ms, µs or ns since 1970 within a day of the captured time'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l embedded -d 'Play into a broker of midge\'s own that is started for it, and print what clients are sent'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s y -l yes -d 'Play to a broker that is not on this machine; on a terminal it is asked for'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l dry-run -d 'Say what would be played, and connect to nothing'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l verify -d 'Compare what the broker answers with what was captured; exit 5 if something differs, or if there was nothing to compare'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l json -d 'The summary as a JSON object'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s S -l srv -d 'Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS _secure-mqtt._tcp. A certificate has to be for that domain'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l ask-password -d 'Ask for the password on the terminal'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -s d -l debug -d 'Say on stderr what is sent and received'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l nodelay -d 'Send small packets at once; midge always does'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l ws -d 'Use WebSocket'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l tls-use-os-certs -d 'Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port 8883 if neither --cafile nor --capath is given'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l no-tls -d 'No TLS on port 8883'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l insecure -d 'Accept a certificate of the broker that is for another name. Who signed it and until when it holds is checked all the same'
complete -c midge -n "__fish_midge_using_subcommand capture-replay" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand replay" -l speed -d 'How many times as fast as captured, as in 10 or 0.5; max for no waiting at all' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l rate -d 'Messages of all connections at this rate, as in 1000/s, in place of the captured times' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l max-gap -d 'Pauses in which nothing was captured take this time at most, as in 5s' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l loop -d 'Play it so many times, or forever; from the second time on with -2, -3 behind client identifiers, unless --client-id says {loop}' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l keylog -d 'Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE format)' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l sn-topics -d 'Names of predefined MQTT-SN topic ids: lines "ID NAME", or "CLIENT:ID NAME"' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l client -d 'Only packets to and from the client with this identifier; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l stream -d 'Only these connections, by number: 0, 2-5, 7-, and u0 of UDP alone; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l frame -d 'Only packets that these frames completed: 4, 10-20, 30-; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l from -d 'Only what this side sent; of packets without a capture, who sent them' -r -f -a "client\t'The end that sends CONNECT'
server\t'The broker'"
complete -c midge -n "__fish_midge_using_subcommand replay" -l reason -d 'Only packets with this reason code: 0x87, 135, not-authorized, or error; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l since -d 'Only from then on: 2026-11-21T10:00:00Z, or 5s, 1m30s after the first packet' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l until -d 'Only up to then' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l client-id -d 'Client identifiers, as in \'replay-{id}-{loop}\': {id} is the captured one, n in braces the number of the connection, {loop} counts from 1' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l max-qos -d 'Publish, and subscribe, at this QoS at most' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l out -d 'Record the replay: a capture (pcapng), or in a file called .jsonl the lines of decode --json' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -s h -l host -d 'Host name or address of the broker [env: MQTT_HOST] [default: localhost]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s p -l port -d 'Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s L -l url -d 'Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: MQTT_URL, where neither host, port nor --unix is given]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l password-file -d 'Password: the first line of this file' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l connect-timeout -d 'Longest time from the first packet to the broker\'s CONNACK: seconds, or with a unit as in 500ms, 10s, 2m' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l engine -d 'Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge\'s faults from the broker\'s' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s A -l bind-address -d 'Local address, or its name, that the connection starts at' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l unix -d 'Connect to a unix socket, in place of host and port' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l proxy -d 'Go through a SOCKS5 proxy, which also resolves the broker\'s name: socks5h://[USER:PASSWORD@]HOST[:PORT]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l ws-path -d 'Path of the WebSocket, with its query [default: /mqtt]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l ws-header -d 'A header for the WebSocket\'s HTTP request; may be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l cafile -d 'Use TLS, and trust the certificates in this file (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l capath -d 'Use TLS, and trust the certificates in the files of this folder (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l cert -d 'Client certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l key -d 'Key of the client certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l tls-version -d 'The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l ciphers -d 'Cipher suites to offer, by OpenSSL\'s names with colons between' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l tls-alpn -d 'Protocol to offer by ALPN, e.g. mqtt' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l tls-keylog -d 'Append the secrets of the connection to this file, for decode --keylog and for Wireshark' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l profile -d 'Take connection flags that are not given from this profile; also in front of the subcommand [env: MIDGE_PROFILE]' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l config -d 'The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in $HOME/.config] [env: MIDGE_CONFIG]' -r -F
complete -c midge -n "__fish_midge_using_subcommand replay" -l retry -d 'How long to try again, with growing pauses, when there is no connection or it is lost: a time as in 30s or 2m, forever, or none. What is not acknowledged is sent again. A refusal that will not go away, such as a wrong password, ends it at once. Before MQTT 5.0 a broker keeps a session only if it is told by -c: without, QoS 2 may come twice where a connection is lost' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l answer-timeout -d 'Give a broker up that owes an acknowledgement, or the rest of a packet, and sends none for this time, although it may answer pings: seconds, or with a unit as in 500ms, 10s, 2m; 0 waits for ever. The engine rumqttc has no such limit' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s V -l protocol-version -d 'MQTT version of every connection: 5, 311 or 31, or captured for each as it was' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s i -l id -d 'What client identifiers begin with, in front of - and the captured one, or the number of the connection where there is none' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s u -l username -d 'User name of every connection, in place of the captured one' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s P -l pw -l password -d 'Password of every connection with a user name, given or captured; where other people use this machine, too, better by MIDGE_PASSWORD, --password-file or --ask-password' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -s k -l keepalive -d 'Keep Alive in seconds of connections whose CONNECT was not captured; 0 turns it off' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l topic -d 'Only what is about topics that match; or, as s#REGEX#TEXT#, what topics become; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l type -d 'Only packets of these types, with commas: CONNECT,PUBLISH; repeatable' -r
complete -c midge -n "__fish_midge_using_subcommand replay" -l causal -d 'Wait with what a client does until the broker has answered what it had answered by then in the capture; so it is unless --no-causal is given'
complete -c midge -n "__fish_midge_using_subcommand replay" -l no-causal -d 'Everything at its time, whatever the broker has answered'
complete -c midge -n "__fish_midge_using_subcommand replay" -l publishers-only -d 'Only messages of clients, each over a connection that does nothing else'
complete -c midge -n "__fish_midge_using_subcommand replay" -l deliveries -d 'Play what servers delivered, not what clients did; so it is in any case with a file in which no client does anything but subscribe, as sub --record makes it, and with lines of sub --json on stdin'
complete -c midge -n "__fish_midge_using_subcommand replay" -l infer-subscriptions -d 'Where a CONNECT was not captured, subscribe to the topics that the client was sent messages on. Reads the file twice'
complete -c midge -n "__fish_midge_using_subcommand replay" -l violations-only -d 'Only packets that break a rule'
complete -c midge -n "__fish_midge_using_subcommand replay" -l strip-retain -d 'Publish without RETAIN, wills too'
complete -c midge -n "__fish_midge_using_subcommand replay" -l shift-times -d 'Move times in payloads to those of the replay: numbers of seconds, ms, µs or ns since 1970 within a day of the captured time'
complete -c midge -n "__fish_midge_using_subcommand replay" -l embedded -d 'Play into a broker of midge\'s own that is started for it, and print what clients are sent'
complete -c midge -n "__fish_midge_using_subcommand replay" -s y -l yes -d 'Play to a broker that is not on this machine; on a terminal it is asked for'
complete -c midge -n "__fish_midge_using_subcommand replay" -l dry-run -d 'Say what would be played, and connect to nothing'
complete -c midge -n "__fish_midge_using_subcommand replay" -l verify -d 'Compare what the broker answers with what was captured; exit 5 if something differs, or if there was nothing to compare'
complete -c midge -n "__fish_midge_using_subcommand replay" -l json -d 'The summary as a JSON object'
complete -c midge -n "__fish_midge_using_subcommand replay" -s S -l srv -d 'Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS _secure-mqtt._tcp. A certificate has to be for that domain'
complete -c midge -n "__fish_midge_using_subcommand replay" -l ask-password -d 'Ask for the password on the terminal'
complete -c midge -n "__fish_midge_using_subcommand replay" -s d -l debug -d 'Say on stderr what is sent and received'
complete -c midge -n "__fish_midge_using_subcommand replay" -l nodelay -d 'Send small packets at once; midge always does'
complete -c midge -n "__fish_midge_using_subcommand replay" -l ws -d 'Use WebSocket'
complete -c midge -n "__fish_midge_using_subcommand replay" -l tls-use-os-certs -d 'Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port 8883 if neither --cafile nor --capath is given'
complete -c midge -n "__fish_midge_using_subcommand replay" -l no-tls -d 'No TLS on port 8883'
complete -c midge -n "__fish_midge_using_subcommand replay" -l insecure -d 'Accept a certificate of the broker that is for another name. Who signed it and until when it holds is checked all the same'
complete -c midge -n "__fish_midge_using_subcommand replay" -l help -d 'Print help'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -s p -l port -d 'Port to listen on; 0 takes a free one [default: 1883, with TLS 8883; with a command a free one]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l bind -d 'Address or host name to listen on; * is every address. Think of --password-file before you listen beyond this machine [default: 127.0.0.1]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -s c -l config -d 'A configuration file of mosquitto. Its options are taken word by word; one that midge has not got ends with exit code 2 and the number of its line. Where it says nothing of its own, mosquitto\'s defaults count: with a listener, anonymous clients are not let in, and 1000 messages wait for a client. What it can say, the flags under Listeners, Access and Limits, cannot be given beside it, but for --max-memory. SIGHUP reads it again: users, rules, certificates, log, and limits that clients are not told when they connect' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l listen -d 'Listen here, in place of --port and --bind: mqtt://HOST:PORT, or the same with mqtts, ws or wss, or unix:PATH. May be given more than once; HOST * is every address' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l tls-auto -d 'Make certificates in this folder for this run: an authority (ca.pem), the server\'s for localhost, this host\'s name and the addresses listened on (server.pem, server.key), and a client\'s (client.pem, client.key). In place of --cafile, --cert and --key' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l cafile -d 'Certificates of the authorities that clients\' certificates, or the broker\'s own, are signed by (PEM). With --cert and --key' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l cert -d 'The broker\'s certificate, with its chain (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l key -d 'Key of the broker\'s certificate, not encrypted (PEM)' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l crlfile -d 'Certificates of clients that are revoked (PEM). With --require-certificate. SIGHUP reads it again, and the other files of TLS' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l password-file -d 'Users and their passwords, in mosquitto\'s form: \'midge broker passwd\' makes such a file. SIGHUP reads it again' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l allow-anonymous -d 'Whether clients may connect without a user name [default: true, and false with --password-file]' -r -f -a "true\t''
false\t''"
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l acl-file -d 'What clients may publish and subscribe to: a file in mosquitto\'s form (topic, user and pattern lines), or a table (CSV) with the columns allow, ipaddr, username, clientid, access, topic. SIGHUP reads it again' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l acl-nomatch -d 'What happens where no row of the table matches [default: deny]' -r -f -a "deny\t'It is denied'
allow\t'It is allowed'"
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-packet-size -d 'Largest packet taken, in bytes with its fixed header' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l message-size-limit -d 'Largest payload taken; a message with a larger one is dropped, and acknowledged: to 5.0 clients with the reason code 0x83 [default: what the largest packet has room for]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-qos -d 'Highest QoS taken from clients and granted to them' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-inflight-messages -d 'QoS 1 and 2 messages that may be unacknowledged, in each direction and per client [default: 20 from a client, 1000 to a client]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-queued-messages -d 'QoS 1 and 2 messages that wait per client beside those [default: 100000]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-queued-bytes -d 'Bytes of topic and payload that wait per client [default: 64 MiB]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-connections -d 'Connections at a time, at each listener [default: any number]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-keepalive -d 'Longest Keep Alive of MQTT 5.0 clients, in seconds' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-topic-alias -d 'Highest Topic Alias taken from MQTT 5.0 clients; 0: none [default: 10]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l persistent-client-expiration -d 'Longest life of a session without a connection, e.g. 10m' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l mount-point -d 'What stands before every topic, unseen by the clients' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l max-memory -d 'What sessions, messages and connections may take together, as in 500MB or 1GiB. What there is no room for is refused; the process itself takes some MB more [default: 1GiB]' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l persist -d 'Keep sessions, subscriptions, retained and waiting messages in this file, and begin with what is in it. What a client has an acknowledgement for is in the file, whenever the broker is killed' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l log -d 'What happens, on stderr: connections, refusals, subscriptions' -r -f -a "text\t'One line per event, for people'
json\t'One JSON object per line'
off\t'Nothing'"
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l exit-after -d 'End after a time as in 30s; after \'idle 5s\', in which no client has connected, left, subscribed or published; after \'N messages\' or \'N disconnects\'; at the \'end of stdin\', which comes when whoever started the broker ends. May be given more than once: what comes first counts. A command is ended with SIGTERM, and after two seconds with SIGKILL, and its exit code says so' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l expect -d 'Messages that clients must have published in the end, as in \'sensors/# >= 3\' or \'alarm == 0\'; wills count, and a topic has its --mount-point. If not: a line on stderr, and exit code 5 unless the command has failed itself. May be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l expect-payload -d 'A payload that a client must have published in the end, as in \'status=online\'. May be given more than once' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l record -d 'Keep what crosses the wire, without TLS and WebSocket, in this file: as a capture (pcapng) that decode, capture-replay and Wireshark read, or in a file called .jsonl as the lines of decode --json. A pcapng file has passwords, too, and other programs want to know the port: tshark -d tcp.port==PORT,mqtt. May be given more than once' -r -F
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l fault -d 'Something that goes wrong, as in \'on=puback client=dev-* nth=3 do=drop\'; see --help' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l latency -d 'How long each packet is on its way, in each direction, as in 80ms or 80ms+-20ms' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l slow -d 'Bytes a second of each connection, in each direction, as in 50KB/s' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l seed -d 'Where chance begins: the same number, and packets in the same order, give the same faults' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l require-certificate -d 'Take only clients with a certificate that an authority of --cafile, or that of --tls-auto, has signed'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l use-identity-as-username -d 'Take the Common Name of a client\'s certificate for its user name; passwords are not asked for. With --require-certificate'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l use-subject-as-username -d 'The same with the whole subject, as in CN=a,O=b,C=c'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l no-retain -d 'Refuse retained messages'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -l persist-sync -d 'Acknowledge only what the disk has (fsync): then it outlives a failure of the machine, too, and takes longer'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -a "passwd" -d 'Make or change a password file, in mosquitto\'s form'
complete -c midge -n "__fish_midge_using_subcommand broker; and not __fish_seen_subcommand_from passwd help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s H -l hash -d 'How passwords are hashed' -r -f -a "sha512-pbkdf2\t'PBKDF2 with HMAC-SHA512 ($7$)'
sha512\t'One round of SHA-512 ($6$), for mosquitto before 2.0'"
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s i -l iterations -d 'Iterations of sha512-pbkdf2: each guess of whoever has the file costs as many, and so does each CONNECT, for which other clients wait; 101 are a tenth of a millisecond' -r
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s b -l batch -d 'Take the password from the command line, where others on this machine can see it'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s c -l create -d 'Begin a new file; one that is there is overwritten'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s D -l delete -d 'Remove the user'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s U -l upgrade -d 'Hash the plain passwords of the whole file'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from passwd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from help" -f -a "passwd" -d 'Make or change a password file, in mosquitto\'s form'
complete -c midge -n "__fish_midge_using_subcommand broker; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "pub" -d 'Publish messages'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "sub" -d 'Subscribe, and print the messages that come'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "rr" -d 'Publish a request, and print the response to it'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "bench" -d 'Load a broker, and measure rates, latencies and losses'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "decode" -d 'Decode MQTT packets from a capture file, or from any text that holds their bytes'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "capture-replay" -d 'Play what clients did in a capture again, as real clients, at the captured times'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "broker" -d 'Run a throwaway MQTT broker, alone or around a command'
complete -c midge -n "__fish_midge_using_subcommand help; and not __fish_seen_subcommand_from pub sub rr bench decode capture-replay broker help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c midge -n "__fish_midge_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "merge" -d 'Add the results of several machines or shards to one'
complete -c midge -n "__fish_midge_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "show" -d 'Show a result again'
complete -c midge -n "__fish_midge_using_subcommand help; and __fish_seen_subcommand_from broker" -f -a "passwd" -d 'Make or change a password file, in mosquitto\'s form'
