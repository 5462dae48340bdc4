#!/usr/bin/env bash
# One part of an snnc command, as a task of a Slurm job array:
#
#   sbatch --array=1-64 examples/cluster/slurm.sh 64 out/ snnc run model.ron --target loihi-like --input x.npy
#   sbatch --dependency=afterok:JOB --wrap 'snnc merge out/parts/*/ -o out/all/'
#
# A task that was stopped, or whose node died, is made again alone: sbatch --array=17,23 with the same arguments.
#SBATCH --cpus-per-task=1
#SBATCH --requeue
set -euo pipefail
parts=$1 out=$2
shift 2
mkdir -p "$out/parts"
export RAYON_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec "$@" --shard "$SLURM_ARRAY_TASK_ID/$parts" --out "$out/parts/$SLURM_ARRAY_TASK_ID"
