#!/usr/bin/env bash
# A random recurrent network (10,000 LIF neurons, 10^7 synapses, drawn input, 1 s of 1 ms steps) mapped on many chips and
# simulated, and the same network in Brian2 with C++ code generation, in turn on one core each: synaptic events between the
# neurons a second. Wiring, loading and indexing are left out on both sides. Prints memory a synapse, too.
# Usage: benches/vs_brian2.sh [rounds, default 5] [threads, default 1]
# Makes a Python venv in target/brian2 on first use, or takes that of $VENV (brian2 and NumPy); needs a C++ compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} threads=${2:-1}
work=target/brian2-net
venv=${VENV:-target/brian2}
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q brian2==2.9.0 "numpy<2" cython "setuptools<81"
fi
python="$venv/bin/python"
cargo build -q --release --bin snnc
snnc=target/release/snnc
bench=${BENCH:-$(cargo bench -q --bench recurrent --no-run --message-format=json |
    python3 -c 'import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin)
       if m.get("executable") and "bench" in m["target"]["kind"]][-1])')}
# Chips of two cores of 1,024 neurons, with memory and axons for 1,000 synapses a neuron from anywhere.
chip=(--target loihi2-like --set topology.mesh_columns=2 --set topology.mesh_rows=1 --set topology.cores_per_tile=1
    --set core.neurons=1024 --set core.input_axons=32768 --set core.output_axons=1048576
    --set core.synapse_memory_bits=536870912 --weights 8)
mkdir -p "$work"
[ -f "$work/net.npz" ] || "$python" benches/random_recurrent.py "$work"
# Seconds and peak memory of a command, whose output goes to a file.
measured() {
    "$python" - "$@" <<'PYTHON'
import resource, subprocess, sys, time
start = time.time()
with open(sys.argv[1], "w") as out:
    subprocess.run(sys.argv[2:], stdout=out, check=True)
print(f"{time.time() - start:.2f} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
PYTHON
}
read -r seconds kib < <(measured "$work/compile.txt" "$snnc" compile "$work/model.ron" "${chip[@]}" -o "$work/net.snnx")
echo "compiled in $seconds s, peak memory $((kib / 1024)) MiB"
read -r seconds kib < <(measured "$work/run.json" "$snnc" simulate "$work/net.snnx" --timing none --threads "$threads" --json)
facts=$("$python" - "$work" "$kib" <<'PYTHON'
import json, sys
folder, kib = sys.argv[1], int(sys.argv[2])
report, net = json.load(open(f"{folder}/run.json")), json.load(open(f"{folder}/net.json"))
layers = {layer["name"]: layer for layer in report["layers"]}
cells, outside = layers["net.cells"], layers["net.outside"]
# Each spike from outside meets one synapse; the others are between the neurons.
print(cells["synaptic_operations"] - outside["spikes"], cells["spikes"] / net["neurons"], kib * 1024 / net["synapses"])
PYTHON
)
read -r events rate bytes <<<"$facts"
echo "one run with loading and indexing: $seconds s, $events events, $rate spikes a neuron, $bytes bytes of peak memory a synapse"
for _ in $(seq "$rounds"); do
    a=$("$bench" "$work/net.snnx" "$threads")
    b=$("$python" -W ignore benches/brian2_peer.py "$work" "$work/build" --threads "$threads" | tail -1)
    echo "{\"snnc\": {\"events\": $events, \"seconds\": $a}, \"brian2\": $b}"
done | "$python" -c '
import json, statistics, sys
rows = []
for line in sys.stdin:
    row = json.loads(line)
    ours, peer = (row[side]["events"] / row[side]["seconds"] / float(sys.argv[1]) / 1e6 for side in ("snnc", "brian2"))
    rows.append((ours, peer))
    print(f"snnc {ours:.0f} M synaptic events a second and core, Brian2 {peer:.0f} M, ratio {ours / peer:.1f}")
ours, peer = (statistics.median(column) for column in zip(*rows))
print(f"medians of {len(rows)}: snnc {ours:.0f} M, Brian2 {peer:.0f} M, ratio {ours / peer:.1f}")' "$threads"
