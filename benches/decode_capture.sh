#!/usr/bin/env bash
# `midge decode` and tshark on the same large capture, in turns, and `wc -c` as the floor: times,
# ratios and peak memory, all medians. Builds the captures itself. Wants tshark and GNU time.
#
#   benches/decode_capture.sh [RUNS] [MEGABYTES]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-3}
megabytes=${2:-120}
for program in tshark /usr/bin/time; do
    command -v "$program" >/dev/null || { echo "decode_capture.sh: $program is not installed" >&2; exit 1; }
done
cargo build --release --locked --quiet --bin midge --example big_capture
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
capture=$scratch/capture.pcapng
target/release/examples/big_capture "$capture" "$megabytes"
target/release/examples/big_capture "$scratch/twice.pcapng" $((2 * megabytes))

# run NAME COMMAND...: one run; its seconds and kilobytes go to a file of that name.
run() {
    local name=$1
    shift
    /usr/bin/time --quiet -f '%e %M' -a -o "$scratch/$name" "$@" >/dev/null 2>"$scratch/errors" ||
        { cat "$scratch/errors" >&2; exit 1; }
}
# median NAME FIELD
median() { cut -d' ' -f"$2" "$scratch/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
seconds() { median "$1" 1; }

for ((i = 0; i < runs; i++)); do
    run tshark-fields tshark -r "$capture" -T fields -e mqtt.topic
    run tshark-json tshark -r "$capture" -T json
    # From a pipe: of a file, wc only asks for the size.
    for _ in 1 2 3; do
        run wc sh -c "cat '$capture' | wc -c"
        run summary target/release/midge decode --summary "$capture"
        run lines target/release/midge decode --lines "$capture"
        run json target/release/midge decode --json "$capture"
        run json-twice target/release/midge decode --json "$scratch/twice.pcapng"
    done
done

packets=$(target/release/midge decode --summary --json "$capture" | sed 's/.*"packets":\([0-9]*\).*/\1/')
echo "$megabytes MB, $packets packets, $(tshark --version 2>/dev/null | head -1)"
echo
row() { printf '%-34s %9s %9s %14s %12s\n' "$@"; }
# against NAME PEER: how many times as fast
against() { awk -v a="$(seconds "$1")" -v b="$(seconds "$2")" 'BEGIN { if (a > 0) printf "%.1f", b / a; else printf "-" }'; }
line() {
    local name=$1 peer=$2 command=$3
    local factor=-
    [ -n "$peer" ] && factor="$(against "$name" "$peer") x"
    row "$command" "$(seconds "$name") s" "$(awk -v k="$(median "$name" 2)" 'BEGIN { printf "%.0f MB", k / 1000 }')" \
        "$factor" "$(awk -v a="$(seconds "$name")" -v b="$(seconds wc)" 'BEGIN { if (b > 0) printf "%.1f", a / b; else printf "-" }')"
}
row "" time memory "than tshark" "of wc -c"
line tshark-fields "" "tshark -T fields -e mqtt.topic"
line tshark-json "" "tshark -T json"
line summary tshark-fields "midge decode --summary"
line lines tshark-fields "midge decode --lines"
line json tshark-json "midge decode --json"
line json-twice "" "midge decode --json, twice the size"
line wc "" "cat | wc -c"
