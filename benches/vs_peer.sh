#!/usr/bin/env bash
# Runs snnc and the peer (PyTorch + SpikingJelly) in turn on the same cores and prints seconds per image and the ratio.
# Usage: benches/vs_peer.sh [batch] [rounds]     (makes a Python venv in target/peer on first use)
set -euo pipefail
cd "$(dirname "$0")/.."
batch=${1:-1}
rounds=${2:-3}
model=examples/spiking-diffusion-mnist
venv=target/peer
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q torch spikingjelly==0.0.0.0.14 tensorboard pandas safetensors "setuptools<81"
fi
cargo build --release -q
target/release/snnc compile "$model/model.ron" --target loihi-like -o target/peer-bench.snnx >/dev/null
ours() {
    target/release/snnc simulate target/peer-bench.snnx --images "$batch" --timing none --threads 2 --json |
        python3 -c 'import json,sys; t=json.load(sys.stdin)["totals"]; print(t["wall_s"]/t["images"])'
}
peer() {
    "$venv/bin/python" -W ignore benches/peer.py "$model" --batch "$batch" --threads 2
}
for _ in $(seq "$rounds"); do
    a=$(ours); b=$(peer)
    python3 -c "print(f'batch $batch: snnc {$a:.3f} s/image, peer {$b:.3f} s/image, ratio {$b/$a:.1f}')"
done
