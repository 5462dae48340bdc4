#!/usr/bin/env bash
# Audits runs of an example: examples/audit.sh SNNC PYTHON. PYTHON needs NumPy.
# loihi-like interpolates its barrier and has static power, loihi-like-sanafe takes barriers in steps and time for each
# packet and spike, spinnaker2-like forks packets within a tile; the last forks them on links.
set -euo pipefail
cd "$(dirname "$0")/.."
snnc=$1 python=$2 net=examples/bars-events
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

audit() {
    "$snnc" -q compile $net/model.ron "$@" -o "$folder/net.snnx"
    "$snnc" compile $net/model.ron "$@" --emit spiking >"$folder/net.spiking"
    "$snnc" compile $net/model.ron "$@" --emit program >"$folder/net.program"
    "$snnc" -q simulate "$folder/net.snnx" --input $net/inputs.npy --samples 3 --out "$folder/run"
    "$python" examples/audit.py "$folder/net.spiking" "$folder/net.program" $net/inputs.npy "$folder/run"
}

audit --target loihi-like
audit --target loihi-like-sanafe
audit --target spinnaker2-like
# Cores that visit all neurons in every timestep, draw less where they hold none, and wait for the host.
unit() { echo "Some((latency_ns: ($1, Assumed(\"a what-if\")), interval_ns: ($2, Assumed(\"a what-if\"))))"; }
audit --target loihi-like --set neuron.gated=false --set energy.static_uw_per_unused_core=226.6 \
    --set "timing.host_synchronisation=$(unit 1000.0 50.0)" --set energy.host_synchronisation_pj=5.5 \
    --set "timing.host_multiply_add=$(unit 0.0 0.5)" --set energy.host_multiply_add_pj=2.5
audit --target loihi-like --set 'topology.routing=Multicast(table_entries: None)'
# A format without weights of 0: two bits a weight make most of them 0.
audit --target loihi-like --weights 2 --set synapses.zero_weights=Skipped --set synapses.index_bits=6
