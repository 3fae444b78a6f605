#!/usr/bin/env bash
# A Slurm array over the instances of a benchmark: each task of the array is one shard.
#
#   sbatch --array=0-15 scripts/cluster/slurm-array.sh INSTANCES REPOS OUT [options of swebench run]
#
# Requeued tasks go on where they were: Slurm sends SIGTERM two minutes before the limit
# (--signal=B:TERM@120), engramd saves and exits 75, and the task puts itself back into the queue.
# INSTANCES, REPOS and OUT must be seen by every node; checkouts, sockets and caches stay on the
# node's own disk (TMPDIR, or /tmp).
#SBATCH --job-name=engramd-swebench
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
#SBATCH --output=engramd-swebench-%A_%a.log
set -uo pipefail

if [ $# -lt 3 ]; then
  echo "usage: sbatch --array=0-N $0 INSTANCES REPOS OUT [options of engramd swebench run]" >&2
  exit 2
fi
instances=$1 repos=$2 out=$3
shift 3
engramd=${ENGRAMD:-engramd}
first=${SLURM_ARRAY_TASK_MIN:-0}
shard=$((${SLURM_ARRAY_TASK_ID:?start this with sbatch --array} - first))
shards=${SLURM_ARRAY_TASK_COUNT:?start this with sbatch --array}

# Slurm's own TMPDIR is often on the network; a folder of this node is wanted.
export TMPDIR=${ENGRAMD_SCRATCH:-/tmp}/engramd-$USER-$SLURM_JOB_ID
mkdir -p "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT

# In the background, so that this shell can pass the signal on at once.
"$engramd" swebench run --instances "$instances" --repos "$repos" --out "$out" \
  --shard "$shard/$shards" --jobs "${SLURM_CPUS_PER_TASK:-1}" --resume "$@" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
trap 'kill -INT "$child" 2>/dev/null' INT
wait "$child"
status=$?
# A trapped signal ends `wait` early; the child is still saving.
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  status=$?
done
if [ "$status" -eq 75 ]; then
  echo "saved; back into the queue"
  # An array task is named by its own job id, so that the others stay as they are.
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
