#!/usr/bin/env bash
# What `midge capture-replay` costs: how late messages are at 1,000 a second, how many a second it
# sends into a sink (one core each) and into mosquitto, beside `midge bench`, and its memory with a
# large capture. Builds the captures itself. Wants mosquitto and GNU time.
#
#   benches/replay.sh [MEGABYTES]
#
# MIDGE names a binary to measure instead of building one; the examples are there then already.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
megabytes=${1:-1000}
for program in mosquitto taskset /usr/bin/time; do
    command -v "$program" >/dev/null || { echo "replay.sh: $program is not installed" >&2; exit 1; }
done
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
[ -n "${MIDGE:-}" ] || cargo build --release --locked --quiet --bin midge --example big_capture --example steady_capture
midge=${MIDGE:-$target/release/midge}
scratch=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT
rustc --edition 2024 -O -o "$scratch/sink" benches/replay/sink.rs
port=$((20000 + $$ % 20000))
last_core=$(($(nproc) - 1))

# background COMMAND...: runs until the end of the script, once its port answers.
background() {
    "$@" >"$scratch/log" 2>&1 &
    pids+=($!)
    for ((i = 0; i < 100; i++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
        sleep 0.05
    done
    echo "replay.sh: $1 does not listen" >&2
    exit 1
}
stop() { kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true; unset 'pids[-1]'; }
# value KEY: a number of the last summary.
value() { tail -1 "$scratch/summary" | sed "s/.*\"$1\":\([0-9.]*\).*/\1/"; }
replay() { "$@" "$midge" capture-replay --json -h 127.0.0.1 -p "$port" "${flags[@]}" >"$scratch/summary" 2>"$scratch/notes"; }
rate() { awk -v n="$(value sent)" -v s="$(value sending_duration)" 'BEGIN { printf "%.0f", n / s }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

echo "$("$midge" --version), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)," \
    "$(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"

"$target/release/examples/steady_capture" "$scratch/thousand.pcapng" 20000 1000 10
"$target/release/examples/steady_capture" "$scratch/fast.pcapng" 3000000 10000000 4
"$target/release/examples/steady_capture" "$scratch/acked.pcapng" 500000 10000000 4 1

background "$scratch/sink" "$port"
flags=("$scratch/thousand.pcapng")
replay
echo "20,000 messages at 1,000/s, 10 clients, speed 1: lateness p50 $(value p50) ms, p99 $(value p99) ms, max $(value max) ms"
stop

background taskset -c "$last_core" "$scratch/sink" "$port"
flags=(--speed max "$scratch/fast.pcapng")
for _ in 1 2 3; do
    replay taskset -c 0 /usr/bin/time -f '%U %S' -o "$scratch/time"
    rate
    echo
    awk '{ print $1 + $2 }' "$scratch/time" >>"$scratch/cpu"
done >"$scratch/rates"
grep . "$scratch/rates" | median | awk -v cpu="$(median <"$scratch/cpu")" '{
    printf "3,000,000 messages of 64 bytes, QoS 0, 4 clients, into a sink, on one core: %d/s, %.2f us of CPU each\n", $1, cpu / 3 }'
stop

cat >"$scratch/mosquitto.conf" <<END
listener $port 127.0.0.1
allow_anonymous true
max_queued_messages 0
set_tcp_nodelay true
END
background mosquitto -c "$scratch/mosquitto.conf"
for qos in 0 1; do
    file=fast count=3000000
    [ "$qos" = 0 ] || file=acked count=500000
    : >"$scratch/rates"
    : >"$scratch/bench"
    for _ in 1 2 3; do
        flags=(--speed max "$scratch/$file.pcapng")
        replay
        rate >>"$scratch/rates"
        echo >>"$scratch/rates"
        "$midge" bench -h 127.0.0.1 -p "$port" -V 311 --publishers 4 --subscribers 0 --size 64 -q "$qos" \
            --count "$count" --no-progress --json >"$scratch/summary"
        value sent_per_s >>"$scratch/bench"
    done
    awk -v a="$(grep . "$scratch/rates" | median)" -v b="$(median <"$scratch/bench")" -v qos="$qos" 'BEGIN {
        printf "into mosquitto, QoS %d: %d/s, midge bench %d/s, %.0f %%\n", qos, a, b, 100 * a / b }'
done
stop

"$target/release/examples/big_capture" "$scratch/big.pcapng" "$megabytes"
background "$midge" broker --port "$port"
flags=(--speed max "$scratch/big.pcapng")
replay /usr/bin/time -f '%M %e' -o "$scratch/time"
awk -v mb="$megabytes" -v n="$(value sent)" '{
    printf "a capture of %d MB, %d messages, into midge broker: %.0f MB of memory, %.0f s\n", mb, n, $1 / 1000, $2 }' "$scratch/time"
stop
