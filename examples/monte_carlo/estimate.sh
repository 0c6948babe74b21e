#!/bin/sh
# Estimates π by many small jobs: estimate.sh [JOBS]
set -eu
cd "$(dirname "$0")"
jobs=${1:-5000}

# The container is written once; each job differs by its seed alone.
{
  echo '{"containers": {"darts": {"parent": "default",
          "added_layers": [{"paths": ["darts.awk"], "prepend_prefix": "/darts"}]}}}'
  seed=1
  while [ "$seed" -le "$jobs" ]; do
    printf '{"parent": "darts", "program": "awk", "arguments": ["-v", "seed=%d", "-f", "/darts/darts.awk"]}\n' "$seed"
    seed=$((seed + 1))
  done
} | maelstrom-run | awk '{ within += $1 } END { printf "%d jobs: %.4f\n", NR, 4 * within / (1000 * NR) }'
