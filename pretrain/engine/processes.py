"""Joining the processes that torchrun or SLURM started, on GPUs and on CPUs (mmengine's own needs a GPU)."""

import os
import subprocess

import torch
from torch import distributed as dist

from pretrain.errors import ConfigError

CPU_WRAPPER = {'type': 'MMDistributedDataParallel', 'device_ids': None, 'broadcast_buffers': False}
"""mmengine's arguments but no `device_ids`, which only GPUs have."""


def find_launcher() -> str:
    """'pytorch' under torchrun, 'slurm' in a step of several tasks that srun started, else 'none'.

    A SLURM allocation alone (salloc, a batch script) is no launcher: a command in it is one process.
    """
    if 'LOCAL_RANK' in os.environ and 'WORLD_SIZE' in os.environ:
        return 'pytorch'
    return 'slurm' if int(os.environ.get('SLURM_STEP_NUM_TASKS', 1)) > 1 else 'none'


def world_size(launcher: str) -> int:
    """Number of processes that the launcher started. ConfigError when its variables are not there."""
    name = {'pytorch': 'WORLD_SIZE', 'slurm': 'SLURM_NTASKS'}.get(launcher)
    if name is None:
        return 1
    if name not in os.environ:
        script = 'tools/dist_train.sh' if launcher == 'pytorch' else 'tools/slurm_train.sh'
        raise ConfigError(f'--launcher {launcher}, but {name} is not set; start {script}, or leave --launcher out')
    return int(os.environ[name])


def join_processes(launcher: str) -> None:
    """Initialise the process group: nccl with one GPU per process, gloo without GPUs. Nothing for 'none', or twice."""
    if launcher == 'none' or dist.is_initialized():
        return
    if launcher == 'slurm':
        _environment_of_slurm()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']))
    dist.init_process_group('nccl' if torch.cuda.is_available() else 'gloo')


def joined_processes() -> int:
    """Processes of this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """True in the process that prints and writes."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def leave_processes() -> None:
    """Wait for the others and leave the process group; without this a process may end while another still needs it."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def _environment_of_slurm() -> None:
    """The variables that torchrun would set. The master is the first node of the job."""
    nodes = os.environ['SLURM_NODELIST']
    if 'MASTER_ADDR' not in os.environ:
        names = subprocess.run(['scontrol', 'show', 'hostname', nodes], capture_output=True, text=True, check=True)
        os.environ['MASTER_ADDR'] = names.stdout.split()[0]
    os.environ.setdefault('MASTER_PORT', '29500')
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['LOCAL_RANK'] = os.environ['SLURM_LOCALID']
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
