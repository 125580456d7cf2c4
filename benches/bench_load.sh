#!/usr/bin/env bash
# `midge bench` beside other clients: CPU microseconds of the load tool per message with a payload of
# 64 bytes, in turns on the same machine; medians, and how many times as much the peers need. Peers
# are rumqttc, mosquitto_pub and mosquitto_sub, and a bare loop that writes ready-made frames or only
# counts what comes (benches/load). First against a server that does nothing but read, acknowledge or
# send, then against mosquitto. Then the memory of idle connections, opening many, and how far the
# time that a message says is from the system call that sends it. Wants mosquitto with its clients, a
# C compiler, and cargo for rumqttc, which is built once.
#
#   benches/bench_load.sh [ROUNDS] [MESSAGES]
#
# WINDOW=1000 gives another number of unacknowledged messages than 100 with QoS 1.
# emqtt-bench is Erlang and not in Debian: 12 us per message of QoS 0, measured elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
rounds=${1:-5}
export WINDOW=${WINDOW:-100}
messages=${2:-2000000}
idle=10000
opened=15000
for program in mosquitto mosquitto_pub mosquitto_sub cc; do
    command -v "$program" >/dev/null || { echo "bench_load.sh: $program is not installed" >&2; exit 1; }
done
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
tools=$target/bench
mkdir -p "$tools"
[ -n "${MIDGE:-}" ] || { cargo build --release --locked --quiet; MIDGE=$target/release/midge; }
rustc --edition 2024 -O -o "$tools/peer" benches/load/peer.rs
cc -O2 -shared -fPIC -o "$tools/stamp.so" benches/load/stamp.c -ldl
if [ ! "$tools/rumqttc-load" -nt benches/load/rumqttc.rs ]; then
    crate=$target/rumqttc-load
    mkdir -p "$crate/src"
    cp benches/load/rumqttc.rs "$crate/src/main.rs"
    cat >"$crate/Cargo.toml" <<END
[package]
name = "rumqttc-load"
version = "0.0.0"
edition = "2024"
[dependencies]
rumqttc = { version = "=0.25.1", default-features = false }
tokio = { version = "1", features = ["rt", "time"] }
[profile.release]
lto = true
codegen-units = 1
[workspace]
END
    CARGO_TARGET_DIR=$crate/target cargo build --quiet --release --manifest-path "$crate/Cargo.toml"
    cp "$crate/target/release/rumqttc-load" "$tools/rumqttc-load"
fi

scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
[ "$(ulimit -n)" -ge $((opened + 100)) ] || ulimit -n $((opened + 100)) ||
    { echo "bench_load.sh: no $opened open files; many connections are left out" >&2; idle=0; }
port=$((20000 + $$ % 10000))
cat >"$scratch/mosquitto.conf" <<END
listener $port 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
END
awk -v n="$messages" 'BEGIN { line = sprintf("%064d", 0); for (i = 0; i < n; i++) print line }' >"$scratch/lines"

start() {
    case $1 in
    sink) "$tools/peer" sink "$port" & ;;
    accept) "$tools/peer" accept "$port" & ;;
    source) "$tools/peer" source "$port" "$messages" 00c0ffee & ;;
    mosquitto) mosquitto -c "$scratch/mosquitto.conf" >/dev/null 2>&1 & ;;
    midge) "$MIDGE" broker --port "$port" >/dev/null 2>&1 & ;;
    esac
    server=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { echo "bench_load.sh: no $1" >&2; exit 1; }
        sleep 0.01
    done
}
stop() {
    kill -9 "$server" && wait "$server" 2>/dev/null || true
    server=
}
# CPU time of the server so far
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
# cpu COUNT COMMAND...: its CPU time, in us for each of so many messages
cpu() {
    local count=$1 TIMEFORMAT='%U %S'
    shift
    { time "$@" >"$scratch/out" 2>"$scratch/err"; } 2>"$scratch/time" || { cat "$scratch/err" >&2; exit 1; }
    awk -v n="$count" '{ printf "%.4f\n", ($1 + $2) * 1e6 / n }' "$scratch/time"
}
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
midge=("$MIDGE" bench -V 311 -h 127.0.0.1 -p "$port" --no-progress --json --workers 1)

# once WHAT WHO COUNT: one turn
once() {
    local count=$3 window=() lines="$scratch/lines"
    [ "$1" != qos-1 ] || window=(--inflight "$WINDOW")
    case $1 in
    qos-*)
        local qos=${1#qos-}
        case $2 in
        midge) cpu "$count" "${midge[@]}" --subscribers 0 -t t -q "$qos" "${window[@]}" --count "$count" ;;
        rumqttc) cpu "$count" "$tools/rumqttc-load" publish "$port" "$count" "$qos" ;;
        mosquitto)
            head -n "$count" "$lines" >"$scratch/some"
            cpu "$count" mosquitto_pub -V 311 -h 127.0.0.1 -p "$port" -t t -q "$qos" -M "$WINDOW" -l <"$scratch/some" ;;
        bare) cpu "$count" "$tools/peer" publish "$port" "$count" "$qos" ;;
        esac ;;
    receive)
        case $2 in
        # Of two subscribers and a publisher, the second shard has one subscriber alone.
        midge) cpu "$count" "${midge[@]}" --subscribers 2 -t t --run 00c0ffee --shard 1/2 \
            --start-at +0.3s --duration 1.2s --drain 1s &&
            grep -q "\"received\":$count," "$scratch/out" || { echo "bench_load.sh: midge did not get $count messages" >&2; exit 1; } ;;
        rumqttc) cpu "$count" "$tools/rumqttc-load" receive "$port" "$count" ;;
        mosquitto) cpu "$count" mosquitto_sub -V 311 -h 127.0.0.1 -p "$port" -t t -C "$count" ;;
        bare) cpu "$count" "$tools/peer" receive "$port" "$count" ;;
        esac ;;
    esac
}

# measure SERVER WHAT COUNT
measure() {
    local who
    for ((i = 0; i < rounds; i++)); do
        for who in midge rumqttc mosquitto bare; do
            start "$1"
            once "$2" "$who" "$3" >>"$scratch/$1-$2-$who"
            stop
        done
    done
    for who in midge rumqttc mosquitto bare; do
        echo "$who $(median "$scratch/$1-$2-$who")"
    done | awk -v name="$2, $1" '
        { us[$1] = $2 }
        END {
            printf "%-20s %9.3f %9.3f %9.3f %9.3f   rumqttc x%.1f, mosquitto x%.1f, %.1f of the bare loop\n", name,
                us["midge"], us["rumqttc"], us["mosquitto"], us["bare"],
                us["rumqttc"] / us["midge"], us["mosquitto"] / us["midge"], us["midge"] / us["bare"]
        }'
}

echo "CPU us per message, medians of $rounds turns; $messages messages, a tenth against mosquitto"
printf '%-20s %9s %9s %9s %9s\n' "" midge rumqttc mosquitto "bare loop"
measure sink qos-0 "$messages"
measure sink qos-1 "$messages"
measure source receive "$messages"
measure mosquitto qos-0 $((messages / 10))
measure mosquitto qos-1 $((messages / 10))
echo "emqtt-bench 0.4, QoS 0, measured elsewhere: 12 us"

# memory COUNT: the most that midge has with so many idle connections
memory() {
    "${midge[@]}" --publishers 0 --subscribers 0 --idle "$1" --duration 500ms 2>/dev/null |
        sed 's/.*"peak_memory_bytes":\([0-9]*\).*/\1/'
}
if [ "$idle" -gt 0 ]; then
    start midge
    few=$(memory 100)
    many=$(memory $((idle + 100)))
    stop
    start midge
    echo "$idle idle connections, bytes each: midge $(((many - few) / idle)), rumqttc $("$tools/rumqttc-load" idle "$port" "$idle")"
    stop
    # Who is the limit: CPU time of either side, as a share of a core while connections are opened. The
    # bare loop opens them one after the other, without a thought for ports; on a port of its own,
    # since each connection leaves its own port in use for a minute.
    port=$((port + 1))
    start accept
    bare=$("$tools/peer" open "$port" "$opened")
    stop
    port=$((port - 1))
    for server_name in accept midge mosquitto; do
        start "$server_name"
        before=$(ticks)
        cpu "$opened" "${midge[@]}" --publishers 0 --subscribers 0 --idle "$opened" --connect-rate 10k --duration 100ms >"$scratch/own"
        sed 's/.*"connect_us":{[^}]*"p50":\([0-9.]*\),[^}]*"p99":\([0-9.]*\),[^}]*"max":\([0-9.]*\)}.*/\1 \2 \3/' "$scratch/out" |
            awk -v n="$opened" -v who="$server_name" -v own="$(cat "$scratch/own")" -v bare="$bare" \
                -v broker="$((($(ticks) - before) * 1000000 / $(getconf CLK_TCK)))" '{
                seconds = n / 1e4 + $3 / 1e6
                printf "%s connections at 10,000 per second, %s: from when each was due p50 %.0f ms, p99 %.0f ms, max %.0f ms: at least %.0f per second (a bare loop and a server that only accepts: %s); CPU of midge %.0f us each (%.0f %% of a core), of the server %.0f us (%.0f %%)\n",
                    n, who, $1 / 1e3, $2 / 1e3, $3 / 1e3, n / seconds, bare, own, own * n / seconds / 1e4, broker / n, broker / seconds / 1e4 }'
        stop
    done
fi

start sink
STAMP_OUT=$scratch/stamps LD_PRELOAD=$tools/stamp.so "${midge[@]}" --subscribers 0 --rate 1000 \
    --duration 3s --payload '{time:ns}' >/dev/null 2>&1 || true
stop
sort -g "$scratch/stamps" | awk '
    { v[NR] = $1 / 1e3 }
    END { printf "time stamps at 1,000 messages/s, us before the system call: p50 %.1f, p90 %.1f, p99 %.1f, max %.1f of %d\n",
        v[int((NR + 1) / 2)], v[int(NR * .9)], v[int(NR * .99)], v[NR], NR }'
