#!/usr/bin/env bash
# Start a verb on several GPUs (or processes) with torchrun, on one node or on each of several.
#
#   tools/dist_train.sh pretrain CONFIG GPUS [arguments of the verb...]
#   tools/dist_train.sh transfer CONFIG GPUS --checkpoint FILE [...]
#
# SIGTERM or SIGUSR1 to this script: the run finishes its step, saves and exits with 75; --resume goes on from there.
# Several nodes: run the same line on every node with NNODES, NODE_RANK (0 is the master), MASTER_ADDR and PORT set.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
verb=$1 config=$2 gpus=$3
shift 3

case $verb in
    pretrain | transfer) ;;
    *) echo "$0: unknown verb '$verb'; allowed: pretrain, transfer" >&2 && exit 2 ;;
esac
case $gpus in
    '' | *[!0-9]* | 0) echo "$0: GPUS is '$gpus'; it must be a positive number" >&2 && exit 2 ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python
nodes=${NNODES:-1}
rendezvous=(--standalone)
if [ "$nodes" -gt 1 ]; then
    : "${MASTER_ADDR:?MASTER_ADDR must name the master node when NNODES is over 1}"
    : "${NODE_RANK:?NODE_RANK must be set on every node when NNODES is over 1}"
    rendezvous=(--node-rank "$NODE_RANK" --master-addr "$MASTER_ADDR" --master-port "${PORT:-29500}")
fi

export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" -m tools.processes --nnodes "$nodes" --nproc-per-node "$gpus" "${rendezvous[@]}" \
    -m tools.main "$verb" "$config" --launcher pytorch "$@"
