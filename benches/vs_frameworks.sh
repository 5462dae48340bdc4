#!/usr/bin/env bash
# Classifiers on the simulated chip and in the frameworks that trained them (SpikingJelly, snnTorch; PyTorch on the
# processor), in turn on the same two cores: milliseconds a sample, one sample at a time and a hundred together.
# Usage: benches/vs_frameworks.sh [rounds, default 3] [folders, default examples/digits-cnn examples/digits-recurrent]
# A folder has model.ron, weights.pth and inputs.npy; its name ends with the kind, cnn or recurrent. The target is
# $TARGET, by default loihi2-like. Makes a Python venv in target/frameworks on first use, or takes that of $VENV.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
shift || true
folders=("$@")
[ ${#folders[@]} -gt 0 ] || folders=(examples/digits-cnn examples/digits-recurrent)
target=${TARGET:-loihi2-like}
venv=${VENV:-target/frameworks}
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q torch spikingjelly==0.0.0.0.14 snntorch==1.0.0 tensorboard pandas "setuptools<81"
fi
# The program itself, so that cargo is not measured.
bench=${BENCH:-$(cargo bench -q --bench classifiers --no-run --message-format=json |
    python3 -c 'import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin)
       if m.get("executable") and "bench" in m["target"]["kind"]][-1])')}
summary='import statistics as s, sys
rows = [list(map(float, line.split())) for line in sys.stdin]
a, b = (s.median(column) for column in zip(*rows))
print(f"{sys.argv[1]}, batch {sys.argv[2]}, medians of {len(rows)}: snnc {a:.4f} ms a sample, peer {b:.4f}, ratio {b / a:.1f}")'
for folder in "${folders[@]}"; do
    case $folder in
    *cnn) kind=cnn ;;
    *recurrent) kind=recurrent ;;
    *) echo "$folder: the name ends with neither cnn nor recurrent" >&2 && exit 1 ;;
    esac
    for batch in 1 100; do
        for _ in $(seq "$rounds"); do
            a=$("$bench" "$folder/model.ron" "$folder/inputs.npy" "$target" "$batch" 2)
            b=$("$venv/bin/python" -W ignore benches/classifier_peer.py "$kind" "$folder" --batch "$batch" --threads 2)
            python3 -c "print(f'$kind, batch $batch: snnc $a ms, peer $b ms, ratio {$b / $a:.1f}')" >&2
            echo "$a $b"
        done | python3 -c "$summary" "$kind" "$batch"
    done
done
