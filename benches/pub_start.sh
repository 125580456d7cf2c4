#!/usr/bin/env bash
# `midge pub -m` and `mosquitto_pub -m`, from start to exit, side by side on the same broker.
# Prints the medians and their ratio. Wants hyperfine, jq and mosquitto's clients.
#
#   benches/pub_start.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-400}
for program in hyperfine jq mosquitto_pub; do
    command -v "$program" >/dev/null || { echo "pub_start.sh: $program is not installed" >&2; exit 1; }
done
cargo build --release --locked --quiet
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# The two programs take turns, since a shared machine is now faster, now slower.
turns=10
for qos in 0 1; do
    for version in 311 5; do
        TURNS=$turns RUNS=$((runs / turns)) QOS=$qos VERSION=$version RESULTS=$results \
            target/release/midge broker --port 0 -- bash -euo pipefail -c '
            for ((turn = 1; turn <= TURNS; turn++)); do
                hyperfine --shell=none --warmup 5 --runs "$RUNS" --export-json "$RESULTS/$turn.json" --style none \
                    "midge pub -h 127.0.0.1 -p $MQTT_PORT -V $VERSION -t bench/start -q $QOS -m hello" \
                    "mosquitto_pub -h 127.0.0.1 -p $MQTT_PORT -V mqttv$VERSION -t bench/start -q $QOS -m hello" \
                    2>/dev/null >&2
            done'
        jq -rs --arg qos "$qos" --arg version "$version" '
            def median: sort | .[length / 2 | floor];
            (map(.results[0].times[]) | median) as $midge
            | (map(.results[1].times[]) | median) as $mosquitto
            | "QoS \($qos), \(if $version == "5" then "5.0" else "3.1.1" end): "
            + "midge pub \($midge * 1e5 | round / 100) ms, "
            + "mosquitto_pub \($mosquitto * 1e5 | round / 100) ms, "
            + "ratio \($midge / $mosquitto * 100 | round / 100)"' "$results"/*.json
    done
done
