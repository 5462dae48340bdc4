#!/usr/bin/env bash
# An snnc command in parts with GNU parallel, put together in the end:
#
#   examples/cluster/parallel.sh 64 out/ snnc run model.ron --target loihi-like --input x.npy
#
# Options of parallel go into PARALLEL, as always: PARALLEL='--jobs 8', or '--sshloginfile hosts' for machines that
# share this folder. The same command again makes only the parts that are missing.
set -euo pipefail
parts=$1 out=$2
shift 2
mkdir -p "$out/parts"
export RAYON_NUM_THREADS=1
seq "$parts" | while read -r part; do
    # The list of files is written when all of them are whole; sweeps and sets of images go on where they stopped.
    [ -e "$out/parts/$part/manifest.json" ] || echo "$part"
done | parallel --quote --retries 2 --env RAYON_NUM_THREADS "$@" --shard "{}/$parts" --out "$out/parts/{}"
exec "$1" merge "$out"/parts/*/ -o "$out/all"
