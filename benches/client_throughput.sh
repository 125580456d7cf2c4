#!/usr/bin/env bash
# `midge pub -l` and `midge sub` against mosquitto_pub and mosquitto_sub: many small messages, side
# by side on the same broker, in turns. Prints medians of CPU seconds (user and system) and of
# elapsed seconds, and the ratios. Wants mosquitto's clients and GNU time.
#
#   benches/client_throughput.sh [RUNS] [MESSAGES]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
messages=${2:-300000}
for program in mosquitto_pub mosquitto_sub /usr/bin/time; do
    command -v "$program" >/dev/null || { echo "client_throughput.sh: $program is not installed" >&2; exit 1; }
done
if [ -z "${MQTT_PORT:-}" ]; then
    cargo build --release --locked --quiet
    MIDGE=${MIDGE:-$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/midge}
    export MIDGE
    exec "$MIDGE" broker --port 0 -- "$0" "$runs" "$messages"
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# 64 bytes a line, the line end not counted.
seq -f '%064.0f' "$messages" >"$scratch/lines"

# timed NAME COMMAND...: one run; its CPU and elapsed seconds go to a file of that name.
timed() {
    local name=$1
    shift
    /usr/bin/time --quiet -f '%U %S %e' -o "$scratch/time" "$@" || { echo "$* failed" >&2; exit 1; }
    awk '{ print $1 + $2, $3 }' "$scratch/time" >>"$scratch/$name"
}
# median NAME FIELD
median() { cut -d' ' -f"$2" "$scratch/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# row LABEL MIDGE MOSQUITTO
row() {
    awk -v label="$1" -v a="$(median "$2" 1)" -v b="$(median "$3" 1)" -v c="$(median "$2" 2)" -v d="$(median "$3" 2)" 'BEGIN {
        printf "%-12s CPU: midge %.2f s, mosquitto %.2f s, ratio %.2f; elapsed: %.2f s, %.2f s, ratio %.2f\n",
            label, a, b, a / b, c, d, c / d }'
}

publish() {
    local name=$1 qos=$2
    timed "midge-$name" "$MIDGE" pub -h 127.0.0.1 -p "$MQTT_PORT" -V 311 -t bench/lines -q "$qos" -l <"$scratch/lines"
    timed "mosquitto-$name" mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv311 -t bench/lines -q "$qos" -l <"$scratch/lines"
}

# received NAME COMMAND...: one subscriber, which gets all messages of the file.
received() {
    local name=$1
    shift
    (timed "$name" "$@" | cat >"$scratch/received") &
    local subscriber=$!
    # Time enough to subscribe; the comparison below notices if it was not.
    sleep 1
    "$MIDGE" pub -h 127.0.0.1 -p "$MQTT_PORT" -t bench/received -q 1 -l <"$scratch/lines"
    wait "$subscriber"
    cmp -s "$scratch/received" "$scratch/lines" || { echo "$1 did not print what was sent" >&2; exit 1; }
}

subscribe() {
    received midge-sub "$MIDGE" sub -h 127.0.0.1 -p "$MQTT_PORT" -V 311 -t bench/received -C "$messages"
    received mosquitto-sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv311 -t bench/received -C "$messages"
}

for ((i = 0; i < runs; i++)); do
    publish qos0 0
    publish qos1 1
    subscribe
done
echo "$messages messages of 64 bytes, 3.1.1, medians of $runs runs"
row "pub -l QoS 0" midge-qos0 mosquitto-qos0
row "pub -l QoS 1" midge-qos1 mosquitto-qos1
row "sub QoS 0" midge-sub mosquitto-sub
