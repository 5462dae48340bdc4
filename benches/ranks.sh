#!/usr/bin/env bash
# Ranks of MPI: seconds, processor seconds and peak memory of each rank, for 1 rank, 2 and so on; one thread each.
#   samples  strong: 48 samples on all ranks together; weak: 48 a rank (examples/digits-cnn, simulated time)
#   network  the random recurrent network of vs_brian2.sh (10,000 neurons, 10^7 synapses), each rank its chips
# Usage: benches/ranks.sh [most ranks, default 2] [rounds, default 3]
# Needs mpirun, a build with the feature `mpi` and NumPy ($PYTHON, default python3). $SNNC names another binary.
set -euo pipefail
cd "$(dirname "$0")/.."
most=${1:-2} rounds=${2:-3} python=${PYTHON:-python3}
snnc=${SNNC:-target/release/snnc}
[ -n "${SNNC:-}" ] || cargo build -q --release --features mpi --bin snnc
work=target/ranks-bench
mkdir -p "$work"
chip=(--target loihi2-like --set topology.mesh_columns=2 --set topology.mesh_rows=1 --set topology.cores_per_tile=1
    --set core.neurons=1024 --set core.input_axons=32768 --set core.output_axons=1048576
    --set core.synapse_memory_bits=536870912 --weights 8)
[ -f "$work/model.ron" ] || "$python" benches/random_recurrent.py "$work"
[ -f "$work/net.snnx" ] || "$snnc" -q compile "$work/model.ron" "${chip[@]}" -o "$work/net.snnx"
[ -f "$work/digits.snnx" ] ||
    "$snnc" -q compile examples/digits-cnn/model.ron --target loihi-like --effort fast -o "$work/digits.snnx"
# What a rank took, in a file of its own.
cat >"$work/rank.py" <<'PYTHON'
import os, resource, subprocess, sys
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
rank = os.environ.get("OMPI_COMM_WORLD_RANK", "0")
with open(f"{sys.argv[1]}.{rank}", "w") as out:
    out.write(f"{used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}\n")
sys.exit(code)
PYTHON
# A command on so many ranks, several times: median seconds, and of each rank processor seconds and MiB at the peak.
ranks() {
    "$python" - "$work" "$rounds" "$@" <<'PYTHON'
import glob, os, shutil, statistics, subprocess, sys, time
work, rounds, name, ranks, command = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:]
seconds, used = [], []
for _ in range(rounds):
    for path in glob.glob(f"{work}/used.*"):
        os.remove(path)
    shutil.rmtree(f"{work}/out", ignore_errors=True)
    start = time.time()
    mpi = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)]
    subprocess.run([*mpi, sys.executable, f"{work}/rank.py", f"{work}/used", *command, "--out", f"{work}/out"], check=True)
    seconds.append(time.time() - start)
    used.append([tuple(map(float, open(f"{work}/used.{rank}").read().split())) for rank in range(ranks)])
each = [tuple(round(statistics.median(of[rank][i] for of in used), 2) for i in (0, 1)) for rank in range(ranks)]
each = ", ".join(f"{cpu} s {mib:.0f} MiB" for cpu, mib in each)
print(f"{name:<28} {ranks} ranks {statistics.median(seconds):7.2f} s   by rank: {each}", flush=True)
PYTHON
}
samples=("$snnc" simulate "$work/digits.snnx" --input examples/digits-cnn/inputs.npy --timing cycle --threads 1)
network=("$snnc" simulate "$work/net.snnx" --samples 1 --threads 1 --over-ranks network)
for n in $(seq "$most"); do
    ranks "samples, strong" "$n" "${samples[@]}" --samples 48
    ranks "samples, weak" "$n" "${samples[@]}" --samples $((48 * n))
    ranks "network, no time" "$n" "${network[@]}" --timing none
    ranks "network, analytic time" "$n" "${network[@]}" --timing analytic
done
