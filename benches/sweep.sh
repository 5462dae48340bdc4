#!/usr/bin/env bash
# Time of a sweep of 64 points on two threads against 64 separate commands that give the same figures: one after the
# other with two threads each, and two at a time with one each.
# usage: benches/sweep.sh [SNNC]   (default: target/release/snnc)
set -euo pipefail
cd "$(dirname "$0")/.."
snnc=$(realpath "${1:-target/release/snnc}")
digits=$(realpath examples/digits-cnn)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
memories=(131072 262144 524288 1048576)
neurons=(128 256 512 1024)
weights=(3 4 6 8)
samples=8

join() { local IFS=,; echo "$*"; }
cat >"$work/sweep.ron" <<RON
(format: "snnc.sweep/1", model: "$digits/model.ron", input: "$digits/inputs.npy", labels: "$digits/labels.npy",
 samples: $samples, weights: [$(join "${weights[@]}")],
 set: {"core.synapse_memory_bits": [$(join "${memories[@]}")], "core.neurons": [$(join "${neurons[@]}")]})
RON

# In the order of the sweep's points.
for memory in "${memories[@]}"; do
    for many in "${neurons[@]}"; do
        for bits in "${weights[@]}"; do
            echo "--set core.synapse_memory_bits=$memory --set core.neurons=$many --weights $bits"
        done
    done
done >"$work/points"

seconds() { # LABEL COMMAND...: runs it, prints how long that took, and how much processor time, which other load moves less
    local label=$1 TIMEFORMAT='%R %U'
    shift
    { time "$@" 2>&3; } 3>&2 2>"$work/time"
    awk -v l="$label" '{ printf "%-52s %7.2f s, %7.2f s user\n", l, $1, $2 }' "$work/time"
}
separate() { # AT_A_TIME THREADS FOLDER
    mkdir -p "$3"
    nl -ba -v0 "$work/points" | xargs -P "$1" -L 1 sh -c '
        snnc=$1; digits=$2; threads=$3; out=$4; samples=$5; point=$6; shift 6
        "$snnc" -q run "$digits/model.ron" --input "$digits/inputs.npy" --labels "$digits/labels.npy" \
            --samples "$samples" --threads "$threads" --json "$@" >"$out/$point.json"
    ' sh "$snnc" "$digits" "$2" "$3" "$samples"
}

seconds "sweep of 64 points, 2 threads" "$snnc" -q sweep "$work/sweep.ron" -o "$work/out" --threads 2
seconds "64 commands, one at a time, 2 threads each" separate 1 2 "$work/one"
seconds "64 commands, two at a time, 1 thread each" separate 2 1 "$work/two"
python3 - "$work" <<'PYTHON'
import csv, json, sys
work = sys.argv[1]
with open(f"{work}/out/sweep.csv") as table:
    rows = list(csv.DictReader(table))
assert len(rows) == 64
for row in rows:
    for folder in ("one", "two"):
        with open(f"{work}/{folder}/{row['point']}.json") as report:
            assert float(row["energy_j"]) == json.load(report)["totals"]["energy_j"], row["point"]
print("all 64 points have the energy of their separate command")
PYTHON
