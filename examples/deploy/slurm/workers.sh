#!/bin/bash
# Workers of a cluster, each a job of Slurm on a node of its own:
#   sbatch --array=1-8 --time=1:00:00 workers.sh ~/.config/maelstrom/join
# The file holds a join string for workers (mode 600); the broker runs where all nodes reach it.
# Each comes when a node is free for it. Ten minutes before its time is over it takes nothing new; what
# runs goes on, and what has not ended when the time is over is run by others.
#   scancel JOBID                           ends workers: what runs gets 20 s, and is then for others
#   scancel --batch --signal=USR1 JOBID     ends them when all that runs has ended
#SBATCH --job-name=maelstrom-worker
#SBATCH --nodes=1
#SBATCH --exclusive
# To this script alone, so to the worker (B:). Without that Slurm signals what the worker runs as well.
#SBATCH --signal=B:USR1@600
set -eu
export MAELSTROM_WORKER_BROKER=${1:?usage: sbatch workers.sh FILE-WITH-JOIN-STRING}
# Slurm waits for KillWait seconds, 30 where nobody has changed it, before it kills.
export MAELSTROM_WORKER_GRACE=20
# A disk of the node, not a network file system: overlays do not lie on those.
export MAELSTROM_WORKER_STORE=${TMPDIR:-/tmp}/maelstrom-$USER
exec maelstrom-worker --name "$SLURMD_NODENAME-$SLURM_JOB_ID" --slots "$SLURM_CPUS_ON_NODE"
