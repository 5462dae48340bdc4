#!/usr/bin/env bash
# SANA-FE (PyPI) and snnc on the same three mapped networks, feed-forward, recurrent and convolutional: spikes of each
# timestep, packets, hops and energy must be the same; simulated time and wall time are printed side by side.
# Usage: benches/vs_sana_fe.sh [timesteps, default 200]
# Needs python3; SANA-FE comes from PyPI (a venv in target/). No test needs any of this.
set -euo pipefail
cd "$(dirname "$0")/.."
work=target/sana-fe-peer
rm -rf "$work/nets" && mkdir -p "$work/nets"
[ -x "$work/venv/bin/python" ] || { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q sanafe==2.2.9; }
cargo build --release -q
cargo bench -q --bench sana_fe -- "$PWD/$work/nets" "${1:-200}"
for program in "$work"/nets/*.snnx; do
    target/release/snnc export "$program" --to sana-fe -o "${program%.snnx}"
done
"$work/venv/bin/python" benches/sana_fe_peer.py "$work/nets" | grep -v '^Executed'
