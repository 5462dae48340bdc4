#!/usr/bin/env bash
# Runs snnc and the peer (PyTorch + SpikingJelly, dense) in turn on the same two cores and prints seconds per image and the ratio,
# round by round and the medians, for each batch.
# Usage: benches/vs_peer.sh ["1 16"] [rounds]     (batches, rounds; makes a Python venv in target/peer on first use)
set -euo pipefail
cd "$(dirname "$0")/.."
batches=${1:-1 16}
rounds=${2:-3}
model=examples/spiking-diffusion-mnist
venv=target/peer
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q torch spikingjelly==0.0.0.0.14 tensorboard pandas safetensors "setuptools<81"
fi
cargo build --release -q
target/release/snnc compile "$model/model.ron" --target loihi-like -o target/peer-bench.snnx >/dev/null
# One after the other: a reader at the other end of a pipe would start on the cores that are measured.
ours() {
    target/release/snnc simulate target/peer-bench.snnx --images "$1" --timing none --threads 2 --json >target/peer-bench.json
    python3 -c 'import json,sys; t=json.load(sys.stdin)["totals"]; print(t["wall_s"]/t["images"])' <target/peer-bench.json
}
peer() {
    "$venv/bin/python" -W ignore benches/peer.py "$model" --batch "$1" --threads 2
}
summary='import statistics as s, sys
rows = [list(map(float, line.split())) for line in sys.stdin]
a, b = (s.median(column) for column in zip(*rows))
print(f"batch {sys.argv[1]}, medians of {len(rows)}: snnc {a:.3f} s/image, peer {b:.3f} s/image, ratio {b / a:.1f}")'
for batch in $batches; do
    for _ in $(seq "$rounds"); do
        a=$(ours "$batch")
        b=$(peer "$batch")
        python3 -c "print(f'batch $batch: snnc {$a:.3f} s/image, peer {$b:.3f} s/image, ratio {$b/$a:.1f}')" >&2
        echo "$a $b"
    done | python3 -c "$summary" "$batch"
done
