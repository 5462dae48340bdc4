#!/usr/bin/env bash
# The cycle-accurate simulation beside what it is compared with: the mesh beside BookSim 2's recorded figures, packets per
# second and simulated time beside SANA-FE (PyPI) in the same minutes, and one image of the example, whole and sampled.
# Usage: benches/cycle.sh [mesh] [packets] [example]      (default: all three)
# Needs python3; SANA-FE comes from PyPI (a venv in target/). No test needs any of this.
set -euo pipefail
cd "$(dirname "$0")/.."
parts="${*:-mesh packets example}"
work=target/cycle-peer
mkdir -p "$work"

mesh() {
    echo "== 8x8 mesh, XY, 2 virtual channels x 8 flits, single-flit packets, uniform traffic: cycles, and speed on one thread"
    cargo test --release -q -p snnc-simulator --lib mesh::bench -- --nocapture --include-ignored --test-threads=1 2>/dev/null |
        python3 benches/cycle_table.py mesh
}

packets() {
    echo "== 8 cores, fan-out 500 over all of them, 205 spikes and 1,640 packets a timestep"
    [ -x "$work/venv/bin/python" ] || { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q sanafe==2.2.9; }
    cargo bench -q --bench cycle --no-run
    {
        cargo bench -q --bench cycle -- 100 1
        cargo bench -q --bench cycle -- 100 2
        "$work/venv/bin/python" benches/cycle_peer.py detailed 100 | grep '^{'
        "$work/venv/bin/python" benches/cycle_peer.py cycle 10 | grep '^{'
    } | python3 benches/cycle_table.py packets
}

example() {
    echo "== one image of the example, --timing cycle (whole processes)"
    cargo build --release -q
    target/release/snnc compile examples/spiking-diffusion-mnist/model.ron --target loihi-like -o "$work/model.snnx" >/dev/null
    python3 benches/cycle_table.py example target/release/snnc simulate "$work/model.snnx" --images 1 --seed 1 --json
}

for part in $parts; do
    case "$part" in
        mesh) mesh ;;
        packets) packets ;;
        example) example ;;
        *) echo "unknown part $part: expected mesh, packets or example" >&2; exit 2 ;;
    esac
    echo
done
