"""What this machine offers to a run: processor, accelerator, memory, disk, compilers, communication."""

import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

_GIB = 1024**3


def features() -> dict[str, str]:
    """Name of a feature to one readable line about it. A probe that fails says so in its line."""
    probes: dict[str, Callable[[], str]] = {
        'cores': _cores,
        'memory': _memory,
        'disk here': lambda: _free(Path.cwd()),
        'shared memory': _shared_memory,
        'GPU': _gpu,
        'CPU bf16': _cpu_bf16,
        'precision': _precision,
        'fused AdamW': _fused_adamw,
        'torch.compile': _compiler,
        'communication': _communication,
    }
    return {name: _safely(probe) for name, probe in probes.items()}


def _safely(probe: Callable[[], str]) -> str:
    try:
        return probe()
    except Exception as error:  # a diagnosis must survive whatever it finds
        return f'cannot tell: {type(error).__name__}: {" ".join(str(error).split())[:200]}'


def _cores() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return f'{usable} usable of {os.cpu_count()}'


def _memory() -> str:
    sizes = {line.split(':')[0]: int(line.split()[1]) for line in Path('/proc/meminfo').read_text().splitlines()}
    return f'{sizes["MemAvailable"] * 1024 / _GIB:.1f} GiB available of {sizes["MemTotal"] * 1024 / _GIB:.1f}'


def _free(path: Path) -> str:
    usage = shutil.disk_usage(path)
    return f'{usage.free / _GIB:.1f} GiB free of {usage.total / _GIB:.1f}'


def _shared_memory() -> str:
    line = _free(Path('/dev/shm'))
    small = shutil.disk_usage('/dev/shm').total < _GIB
    return f'{line}; small: data workers may die, give the container --shm-size=8g' if small else line


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        built = f'torch is built for CUDA {torch.version.cuda}' if torch.version.cuda else 'torch is built without CUDA'
        return f'none visible ({built}); runs use the CPU'
    names = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return ', '.join(f'{gpu.name} {gpu.total_memory / _GIB:.0f} GiB sm_{gpu.major}{gpu.minor}' for gpu in names)


def _cpu_bf16() -> str:
    flags = _cpu_flags()
    found = [flag for flag in ('avx512_bf16', 'amx_bf16', 'amx_tile') if flag in flags]
    return ', '.join(found) if found else 'no (neither AVX512-BF16 nor AMX)'


def _cpu_flags() -> set[str]:
    for line in Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith(('flags', 'Features')):
            return set(line.partition(':')[2].split())
    return set()


def _precision() -> str:
    import torch

    from pretrain.engine.precision import autocast_dtype

    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    dtype = autocast_dtype('auto', device)
    return f"'auto' means {'bf16 autocast' if dtype else 'fp32'} on the {device}"


def _fused_adamw() -> str:
    import torch

    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    weight = torch.ones(2, device=device, requires_grad=True)
    weight.grad = torch.ones_like(weight)
    torch.optim.AdamW([weight], fused=True).step()
    return f'works on the {device}'


def _compiler() -> str:
    import importlib.util

    import torch

    if torch.cuda.is_available():
        has_triton = importlib.util.find_spec('triton') is not None
        return 'works through Triton' if has_triton else 'no: Triton is missing; add it (uv pip install triton)'
    compiler = shutil.which(os.environ.get('CXX', 'c++')) or shutil.which('g++') or shutil.which('clang++')
    if compiler is None:
        return 'no: there is no C++ compiler; add g++ (on Debian: apt-get install g++)'
    if not (Path(sysconfig.get_paths()['include']) / 'Python.h').exists():
        return 'no: Python.h is missing; add it (on Debian: apt-get install python3-dev)'
    return 'C++ compiler found; CPU code is compiled by it'


def _communication() -> str:
    import torch.distributed as dist

    if not dist.is_available():
        return 'torch is built without distributed: one process only'
    backends = {'nccl': dist.is_nccl_available(), 'gloo': dist.is_gloo_available(), 'mpi': dist.is_mpi_available()}
    return ', '.join(name for name, there in backends.items() if there)
