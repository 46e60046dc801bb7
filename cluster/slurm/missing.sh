#!/usr/bin/env bash
# The array expression of the shards of cluster/slurm/array.sbatch that are not finished:  missing.sh FOLDER SHARDS
set -euo pipefail
(($# == 2)) || { echo "usage: missing.sh FOLDER SHARDS" >&2; exit 2; }
missing=()
for ((shard = 0; shard < $2; shard++)); do
    [[ -e $1/done/$shard-of-$2 ]] || missing+=("$shard")
done
((${#missing[@]})) || { echo "missing.sh: all $2 shards are finished" >&2; exit 1; }
(IFS=, && echo "${missing[*]}")
