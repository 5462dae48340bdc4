#!/usr/bin/env bash
# Places 128 cores of the denoiser's traffic on 16 x 8 tiles: snnc beside Scotch's gmap (Debian package scotch) and plain
# annealing, one after the other. Usage: benches/placement_peer.sh [flows file]
# Without a file, Mt-KaHyPar makes the partition (a Python venv in target/placement-peer on first use).
set -euo pipefail
cd "$(dirname "$0")/.."
flows=${1:-target/placement-flows.txt}
if [ $# -eq 0 ] && [ ! -s "$flows" ]; then
    venv=target/placement-peer
    [ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install -q mtkahypar; }
    "$venv/bin/python" benches/placement_flows.py > "$flows.part"
    mv "$flows.part" "$flows"
fi
cargo build --release -q
python3 benches/placement_peer.py "$flows" --snnc target/release/snnc
