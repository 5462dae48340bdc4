#!/usr/bin/env bash
# Audits runs of an example on three targets: examples/audit.sh SNNC PYTHON. PYTHON needs NumPy.
# loihi-like interpolates its barrier and has static power, loihi-like-sanafe takes barriers in steps and time for each
# packet and spike, spinnaker2-like forks packets on their way.
set -euo pipefail
cd "$(dirname "$0")/.."
snnc=$1 python=$2 net=examples/bars-events
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for target in loihi-like loihi-like-sanafe spinnaker2-like; do
    "$snnc" -q compile $net/model.ron --target $target -o "$folder/net.snnx"
    "$snnc" compile $net/model.ron --target $target --emit spiking >"$folder/net.spiking"
    "$snnc" compile $net/model.ron --target $target --emit program >"$folder/net.program"
    "$snnc" -q simulate "$folder/net.snnx" --input $net/inputs.npy --samples 3 --out "$folder/run"
    "$python" examples/audit.py "$folder/net.spiking" "$folder/net.program" $net/inputs.npy "$folder/run"
done
