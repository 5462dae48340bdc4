#!/usr/bin/env bash
# snnc on NIR files that others wrote: 81 that the package `nir` (PyPI) writes, with every node, dialect and setting, and
# the 15 that the crate `nir-rs` ships. Spikes of every layer must be those of `nir_step.py`, a NumPy program that shares nothing
# with snnc; prints the table.
# Usage: benches/vs_nir.sh [NAME...]      (SNNC=program for another build)
# Needs python3 and cargo; the package comes from PyPI (a venv in target/), the crate by `cargo vendor`. No test needs any of this.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/target/nir-peer
rm -rf "$work/cases" && mkdir -p "$work/cases" "$work/crate/src"
[ -x "$work/venv/bin/python" ] || {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q nir==1.0.8 h5py numpy safetensors
}
[ -d "$work/vendor/nir-rs-0.4.5" ] || {
    printf '[package]\nname = "fixtures"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nnir-rs = "=0.4.5"\n[workspace]\n' \
        > "$work/crate/Cargo.toml"
    : > "$work/crate/src/lib.rs"
    cargo vendor -q --versioned-dirs --manifest-path "$work/crate/Cargo.toml" "$work/vendor" > "$work/vendor.log"
}
[ -n "${SNNC:-}" ] || { cargo build --release -q && SNNC=target/release/snnc; }
"$work/venv/bin/python" benches/nir_nets.py "$work/cases" "$work/vendor/nir-rs-0.4.5/tests/fixtures"
"$work/venv/bin/python" benches/nir_peer.py "$SNNC" "$work/cases" "$@"
