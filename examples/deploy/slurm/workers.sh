#!/bin/bash
# Workers on the nodes of a Slurm allocation, one for each node, for as long as it lasts:
#   sbatch --nodes 8 --time 1:00:00 workers.sh ~/.config/maelstrom/join
# The file holds a join string for workers (mode 600); the broker runs where all nodes reach it.
# When the time is nearly over, workers are told to stop: they take nothing new, and what runs may end.
#SBATCH --job-name=maelstrom-workers
#SBATCH --exclusive
#SBATCH --ntasks-per-node=1
#SBATCH --signal=TERM@120
set -eu
join=${1:?usage: sbatch workers.sh FILE-WITH-JOIN-STRING}
export MAELSTROM_WORKER_BROKER=$join
export MAELSTROM_WORKER_GRACE=100
# A disk of the node, not a network file system: overlays do not lie on those.
export MAELSTROM_WORKER_STORE=${TMPDIR:-/tmp}/maelstrom-$USER
exec srun --kill-on-bad-exit=0 bash -c \
  'exec maelstrom-worker --name "$SLURMD_NODENAME" --slots "$SLURM_CPUS_ON_NODE"'
