#!/usr/bin/env bash
# What the feature `mpi` promises, where an MPI library, its mpirun and libclang are installed (Debian: libopenmpi-dev,
# openmpi-bin, libclang-dev): the command over ranks, and one network over ranks.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v mpirun >/dev/null || { echo "no mpirun: nothing is tested" >&2; exit 1; }
cargo clippy --release -p snnc --all-targets --features mpi -- -D warnings
cargo test --release -p snnc --features mpi --test integration -- ranks:: "$@"
