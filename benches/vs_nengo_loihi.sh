#!/usr/bin/env bash
# nengo-loihi's emulator (PyPI), the only open model of Loihi's integers, and snnc on the same random networks: CUBA-LIF
# neurons with refractory steps and floors, recurrent and feedback synapses. Every spike and the last voltages must be
# the same; seconds of both are printed.
# Usage: benches/vs_nengo_loihi.sh [networks, default 200] [timesteps, default 1000]
# Needs python3 up to 3.11; nengo-loihi comes from PyPI (a venv in target/). No test needs any of this.
set -euo pipefail
cd "$(dirname "$0")/.."
work=target/nengo-loihi-peer
rm -rf "$work/nets" && mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q nengo-loihi==1.1.0 "numpy<2" "setuptools<81" safetensors
}
"$work/venv/bin/python" benches/nengo_loihi_nets.py "$work/nets" "${1:-200}" "${2:-1000}"
cargo bench -q --bench nengo_loihi -- "$PWD/$work/nets"
