#!/usr/bin/env bash
# Prints the main job's figures: time and peak memory of compile and of one image. Usage: benches/measure.sh [rounds]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
model=examples/spiking-diffusion-mnist/model.ron
program=$(mktemp -d)/model.snnx
trap 'rm -rf "$(dirname "$program")"' EXIT
cargo build --release -q
measure() {
    local what=$1
    shift
    for _ in $(seq "$rounds"); do
        python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{wall:.3f} {used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss / 1024:.0f}")
PY
    done | sort -n | awk -v what="$what" '{ wall[NR] = $1; cpu[NR] = $2; if ($3 > most) most = $3 }
        END { printf "%-44s median %6.2f s wall (%.2f to %.2f), %6.2f s cpu, peak %d MiB\n",
              what, wall[int((NR + 1) / 2)], wall[1], wall[NR], cpu[int((NR + 1) / 2)], most }'
}
measure "compile" target/release/snnc compile "$model" --target loihi-like -o "$program"
measure "simulate 1 image, timing none" target/release/snnc simulate "$program" --images 1 --timing none
measure "simulate 1 image, timing analytic" target/release/snnc simulate "$program" --images 1
measure "simulate 1 image, analytic, 1 thread" target/release/snnc simulate "$program" --images 1 --threads 1
measure "simulate 16 images, timing none" target/release/snnc simulate "$program" --images 16 --timing none
measure "compile and simulate 1 image (run)" target/release/snnc run "$model" --target loihi-like --images 1
