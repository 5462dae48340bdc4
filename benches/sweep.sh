#!/usr/bin/env bash
# Time of a sweep of 64 points on two threads against 64 separate commands that give the same figures: one after the
# other with two threads each, and two at a time with one each. The three are measured in turn, ROUNDS times; ratios are
# of the medians. A round takes some two minutes on two idle cores.
# usage: benches/sweep.sh [SNNC [ROUNDS]]   (default: target/release/snnc, 1)
set -euo pipefail
cd "$(dirname "$0")/.."
snnc=$(realpath "${1:-target/release/snnc}")
rounds=${2:-1}
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
 samples: $samples, efforts: "fast", weights: [$(join "${weights[@]}")],
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

seconds() { # NAME LABEL COMMAND...: runs it, prints how long that took, and how much processor time, which other load moves less
    local name=$1 label=$2 TIMEFORMAT='%R %U'
    shift 2
    { time "$@" 2>&3; } 3>&2 2>"$work/time"
    awk -v l="$label" '{ printf "%-52s %7.2f s, %7.2f s user\n", l, $1, $2 }' "$work/time"
    cat "$work/time" >>"$work/$name.times"
}
median() { # NAME COLUMN
    sort -n -k "$2" "$work/$1.times" | awk -v c="$2" '{ v[NR] = $c } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
ratio() { # NAME LABEL: against the sweep
    awk -v l="$2" -v w="$(median "$1" 1)" -v u="$(median "$1" 2)" -v sw="$(median sweep 1)" -v su="$(median sweep 2)" \
        'BEGIN { printf "%-52s %7.2f x, %7.2f x user\n", l, w / sw, u / su }'
}
separate() { # AT_A_TIME THREADS FOLDER
    rm -rf "$3"
    mkdir -p "$3"
    nl -ba -v0 "$work/points" | xargs -P "$1" -L 1 sh -c '
        snnc=$1; digits=$2; threads=$3; out=$4; samples=$5; point=$6; shift 6
        "$snnc" -q run "$digits/model.ron" --input "$digits/inputs.npy" --labels "$digits/labels.npy" \
            --samples "$samples" --effort fast --threads "$threads" --json "$@" >"$out/$point.json"
    ' sh "$snnc" "$digits" "$2" "$3" "$samples"
}

for ((round = 0; round < rounds; round++)); do
    rm -rf "$work/out"
    seconds sweep "sweep of 64 points, 2 threads" "$snnc" -q sweep "$work/sweep.ron" -o "$work/out" --threads 2
    seconds one "64 commands, one at a time, 2 threads each" separate 1 2 "$work/one"
    seconds two "64 commands, two at a time, 1 thread each" separate 2 1 "$work/two"
done
ratio one "one at a time against the sweep"
ratio two "two at a time against the sweep"
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
