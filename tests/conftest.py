"""What every test may use: the repository, the command line in a process of its own, and a fixed random state."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def repo() -> Path:
    """Root of the repository."""
    return REPO


@pytest.fixture(scope='session')
def in_setup() -> bool:
    """True in the environment that `make setup` makes."""
    return Path(sys.prefix).resolve() == (REPO / '.venv').resolve()


@pytest.fixture
def mimbench(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """`mimbench('list', 'mae')`: runs the command in an empty folder; gives returncode, stdout and stderr."""

    def run(*words: object, timeout: float = 240, **env: str) -> subprocess.CompletedProcess:
        command = [sys.executable, '-m', 'tools.main', *map(str, words)]
        environment = {**os.environ, 'PYTHONPATH': str(REPO), **env}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout)

    return run


@pytest.fixture(scope='session', autouse=True)
def _one_thread() -> None:
    """Networks of tests are so small that threads only get in each other's way, and the tests run side by side."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def all_threads():
    """For a measurement: as many threads as there are cores."""
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    yield
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _same_random_state() -> None:
    """Every test starts from the same random state, in whatever order the tests run."""
    random.seed(0)
    if 'numpy' in sys.modules:
        sys.modules['numpy'].random.seed(0)
    if 'torch' in sys.modules:
        sys.modules['torch'].manual_seed(0)
