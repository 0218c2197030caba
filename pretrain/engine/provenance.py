"""Where a number comes from: code version, library versions, hardware, hashes."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import torch

LIBRARIES = ('torch', 'torchvision', 'timm', 'onedl-mmengine', 'numpy', 'safetensors', 'pillow', 'av', 'torchcodec')


def environment() -> dict:
    """Python, libraries, code version and hardware of this process, as plain JSON values."""
    versions = {name: _version(name) for name in LIBRARIES}
    return {'python': platform.python_version(), **versions, 'code': code_version(), 'hardware': hardware()}


def hardware() -> str:
    """The device that trains: GPU names and count, or the CPU with its number of threads."""
    if torch.cuda.is_available():
        return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}'
    return f'CPU {_cpu_name()}, {torch.get_num_threads()} threads'


def code_version() -> str:
    """The git commit of this checkout, with '+dirty' for local changes; without a checkout the installed version."""
    root = Path(__file__).resolve().parents[2]
    if (root / '.git').exists():
        commit = _git(root, 'rev-parse', '--short=12', 'HEAD')
        if commit:
            return commit + ('+dirty' if _git(root, 'status', '--porcelain', '--untracked-files=no') else '')
    return _version('mimbench') or 'unknown'


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(root: Path, *args: str) -> str:
    try:
        return subprocess.run(['git', *args], cwd=root, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ''


def _cpu_name() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')), platform.machine())
