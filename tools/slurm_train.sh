#!/usr/bin/env bash
# Start a verb on a SLURM cluster, one task per GPU, and wait for it.
#
#   PARTITION=gpu GPUS=16 tools/slurm_train.sh pretrain CONFIG WORK_DIR [arguments of the verb...]
#
# GPUS (8) in all, GPUS_PER_NODE (at most 8), CPUS_PER_TASK (8), JOB_NAME (the config's name), SRUN_ARGS (anything else).
# SIGUSR1 comes two minutes before the time limit: the run finishes its step, saves and exits with 75. The same line
# with --resume goes on from there.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
verb=$1 config=$2 work_dir=$3
shift 3

case $verb in
    pretrain | transfer) ;;
    *) echo "$0: unknown verb '$verb'; allowed: pretrain, transfer" >&2 && exit 2 ;;
esac
command -v srun >/dev/null || { echo "$0: srun not found; this script needs a SLURM login node" >&2 && exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
read -r -a extra <<<"${SRUN_ARGS:-}"

export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec srun \
    ${PARTITION:+--partition="$PARTITION"} \
    --job-name="${JOB_NAME:-$(basename "$config" .py)}" \
    --ntasks="$gpus" \
    --ntasks-per-node="$per_node" \
    --gres="gpu:$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-8}" \
    --signal=USR1@120 \
    --kill-on-bad-exit=1 \
    "${extra[@]}" \
    "$python" -m tools.main "$verb" "$config" --work-dir "$work_dir" --launcher slurm "$@"
