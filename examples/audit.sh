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
audit --target loihi-like --set 'topology.routing=Multicast(table_entries: None)'
