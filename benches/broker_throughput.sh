#!/usr/bin/env bash
# `midge broker` beside mosquitto and rumqttd, and beside a relay that only copies frames: messages
# of 64 bytes, 3.1.1, the same load for each, in turns on the same machine. Prints medians of
# messages delivered per second and of CPU per delivered message, and midge's ratios; then idle
# connections and the start. The load (benches/broker/load.rs) sends prepared packets and only counts
# what comes, so that it costs little beside a broker; `midge bench` stamps and checks each message,
# and is itself the limit here. Wants mosquitto, and cargo for rumqttd, which is built once.
#
#   benches/broker_throughput.sh [ROUNDS] [SECONDS]
#
# PIN=1 keeps the broker on one core and the load on the others.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
rounds=${1:-5}
seconds=${2:-2}
idle=10000
command -v mosquitto >/dev/null || { echo "broker_throughput.sh: mosquitto is not installed" >&2; exit 1; }

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
tools=$target/bench
mkdir -p "$tools"
[ -n "${MIDGE:-}" ] || { cargo build --release --locked --quiet; MIDGE=$target/release/midge; }
for tool in load relay; do
    rustc --edition 2024 -O -o "$tools/$tool" "benches/broker/$tool.rs"
done
# Without --locked, since what its lock file names does not compile with today's compiler.
[ -x "$target/rumqttd/bin/rumqttd" ] ||
    CARGO_TARGET_DIR=$target/rumqttd-build cargo install --quiet --root "$target/rumqttd" rumqttd@0.20.0

scratch=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill -9 "$broker" 2>/dev/null; rm -rf "$scratch"' EXIT
[ "$(ulimit -n)" -ge $((idle + 100)) ] || ulimit -n $((idle + 100)) ||
    { echo "broker_throughput.sh: no $idle open files; idle connections are left out" >&2; idle=0; }
port=$((20000 + $$ % 20000))
cat >"$scratch/mosquitto.conf" <<END
listener $port 127.0.0.1
allow_anonymous true
max_queued_messages 0
set_tcp_nodelay true
END
cat >"$scratch/rumqttd.toml" <<END
id = 0
[router]
id = 0
max_connections = 20010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4-1"
listen = "127.0.0.1:$port"
next_connection_delay_ms = 0
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 20480
max_inflight_count = 100
dynamic_filters = true
END
broker_command() {
    case $1 in
    midge) command=("$MIDGE" broker --port "$port") ;;
    mosquitto) command=(mosquitto -c "$scratch/mosquitto.conf") ;;
    rumqttd) command=("$target/rumqttd/bin/rumqttd" -c "$scratch/rumqttd.toml" -q) ;;
    relay) command=("$tools/relay" "$port") ;;
    esac
}
on_broker=() on_load=()
if [ -n "${PIN:-}" ]; then
    on_broker=(taskset -c 0) on_load=(taskset -c "1-$(($(nproc) - 1))")
fi

start() {
    broker_command "$1"
    "${on_broker[@]}" "${command[@]}" >/dev/null 2>"$scratch/log" &
    broker=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        kill -0 "$broker" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
        sleep 0.01
    done
}
stop() {
    kill -9 "$broker" && wait "$broker" 2>/dev/null || true
    broker=
}
# median FILE FIELD
median() { cut -d' ' -f"$2" "$scratch/$1" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# measure NAME PUBLISHERS SUBSCRIBERS QOS
measure() {
    for ((i = 0; i < rounds; i++)); do
        for who in midge rumqttd mosquitto relay; do
            start "$who"
            "${on_load[@]}" "$tools/load" flow "127.0.0.1:$port" "$2" "$3" "$4" "$seconds" "$broker" >>"$scratch/$who-$1"
            stop
        done
    done
    for who in midge rumqttd mosquitto relay; do
        echo "$1 $who $(median "$who-$1" 1) $(median "$who-$1" 3)"
    done | awk '
        { rate[$2] = $3; cpu[$2] = $4; name = $1 }
        END {
            printf "%-16s", name
            n = split("midge rumqttd mosquitto relay", order, " ")
            for (i = 1; i <= n; i++) printf " %10.0f %6.3f", rate[order[i]], cpu[order[i]]
            printf "   x%.1f rumqttd, x%.1f mosquitto, %.0f %% of the relay; CPU 1/%.1f of rumqttd\n",
                rate["midge"] / rate["rumqttd"], rate["midge"] / rate["mosquitto"],
                100 * rate["midge"] / rate["relay"], cpu["rumqttd"] / cpu["midge"]
        }'
}

echo "messages delivered per second, and CPU us per message; medians of $rounds turns of $seconds s"
printf '%-16s %17s %17s %17s %17s\n' "" midge rumqttd mosquitto relay
measure 4-to-1-QoS-0 4 1 0
measure 4-to-1-QoS-1 4 1 1
measure 2-to-10-QoS-0 2 10 0

printf 'subscriptions with wildcards elsewhere, and CPU us per message:'
for others in 0 1000 100000; do
    start midge
    printf ' %s %s' "$others" \
        "$(OTHERS=$others "$tools/load" flow "127.0.0.1:$port" 4 1 0 "$seconds" "$broker" | cut -d' ' -f3)"
    stop
done
echo

if [ "$idle" -gt 0 ]; then
    printf '%s idle connections, bytes each:' "$idle"
    for who in midge rumqttd mosquitto; do
        start "$who"
        printf ' %s %s' "$who" "$("$tools/load" idle "127.0.0.1:$port" "$idle" "$broker")"
        stop
    done
    echo
fi
printf 'start until it accepts, ms, and KiB resident then:'
for who in midge rumqttd mosquitto; do
    broker_command "$who"
    printf ' %s %s' "$who" "$("$tools/load" start 21 "127.0.0.1:$port" "${command[@]}")"
done
echo
