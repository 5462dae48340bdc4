#!/usr/bin/env bash
# Mapping beside what it is compared with, in the same minutes: compile time and memory, cores and packets against the best
# uniform tilings, the denoiser's hypergraph beside Mt-KaHyPar, placement beside Scotch's gmap and annealing, growth.
# Usage: benches/mapping.sh [largest power of ten of the growth table, default 6]
# Needs python3; Mt-KaHyPar comes from PyPI (a venv in target/), gmap from Debian's package scotch.
set -euo pipefail
cd "$(dirname "$0")/.."
largest=${1:-6}
model=examples/spiking-diffusion-mnist/model.ron
work=target/mapping-peer
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q mtkahypar; }
cargo build --release -q
snnc=target/release/snnc

echo "== compile the whole model (loihi-like, default effort)"
python3 - "$snnc" compile "$model" --target loihi-like -o "$work/model.snnx" <<'PY'
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.perf_counter() - start:.2f} s wall, {used.ru_utime + used.ru_stime:.2f} s cpu, peak {used.ru_maxrss / 1024:.0f} MiB")
PY

echo; echo "== every target"
"$snnc" fit "$model" | head -11

echo "== the denoiser against the best uniform tilings (exact dynamic programming, layers not sharing cores)"
cargo bench -q --bench mapping

echo; echo "== the denoiser's hypergraph, 128 blocks of at most 530 neurons"
"$snnc" export "$model" --to hgr --group 16 -o "$work/sdid.hgr"
for seed in 1 2 3; do
    echo "snnc, seed $seed:      $("$snnc" partition "$work/sdid.hgr" --blocks 128 --limit 530 --seed $seed -o "$work/sdid.part" | tail -2 | tr '\n' ' ')"
    echo "Mt-KaHyPar, seed $seed: $("$work/venv/bin/python" benches/partition_peer.py "$work/sdid.hgr" --blocks 128 --limit 530 --seed $seed | tail -1)"
done

echo; echo "== 128 cores of such a partition on 16 x 8 tiles"
"$work/venv/bin/python" benches/placement_flows.py > "$work/flows.txt"
python3 benches/placement_peer.py "$work/flows.txt" --snnc "$snnc"

echo; echo "== growth: random irregular and convolutional networks"
cargo bench -q --bench growth -- "$largest"
