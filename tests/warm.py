"""Processes of their own for tests, without the seconds that each would need to import torch.

A server imports the libraries once and forks for every process; it has run nothing else, so no thread or random state
of a test gets into them.
"""

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
os.environ['PYTHONPATH'] = str(_ROOT)  # the server imports this tree, not one that is installed
_SERVER = multiprocessing.get_context('forkserver')
_SERVER.set_forkserver_preload(['tools.verbs.pretrain', 'tools.verbs.transfer', 'pretrain.engine.task', 'timm'])


class Warm:
    """A running process.

    Args:
        function: of a module; what it returns is the exit code.
        log: file that takes all that the process says.
        folder: its working directory; None for that of the test.
        environment: variables that differ from the test's; OMP_NUM_THREADS is 1.
    """

    def __init__(
        self, function: Callable[..., Any], *arguments: Any, log: Path, folder: Path | None = None, **environment: str
    ):
        self.log = Path(log)
        variables = {**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '', **environment}
        where = str(folder or Path.cwd())
        self.process = _SERVER.Process(target=_run, args=(function, arguments, str(log), where, variables))
        self.process.start()

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ''

    def wait(self, seconds: float = 200) -> int:
        """The exit code; minus the number of the signal that ended it."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, f'still running after {seconds} s: {self.said[-2000:]}'
        return self.process.exitcode

    def wait_for(self, text: str, seconds: float = 200) -> None:
        """Until it has said `text`."""
        end = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.is_alive() and time.monotonic() < end, self.said[-2000:]
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        """To the process and all that it started, as schedulers and `timeout` do."""
        os.killpg(self.process.pid, number)


def command(*words: Any, log: Path, folder: Path | None = None, **environment: str) -> Warm:
    """`mimbench` with these words."""
    return Warm(_command, [str(word) for word in words], log=log, folder=folder, **environment)


def spread(*words: Any, log: Path, processes: int = 2, folder: Path | None = None) -> str:
    """`mimbench` on several processes, as torchrun starts them; what they said. All must succeed."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    shared = {'WORLD_SIZE': str(processes), 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port}
    words = ('--debug', *words, '--launcher', 'pytorch')
    running = [
        command(*words, log=Path(f'{log}.{rank}'), folder=folder, RANK=str(rank), LOCAL_RANK=str(rank), **shared)
        for rank in range(processes)
    ]
    codes = [one.wait() for one in running]
    said = ''.join(one.said for one in running)
    assert codes == [0] * processes, said[-4000:]
    return said


def _command(words: list[str]) -> None:
    from tools.main import leave, main

    try:
        leave(main(words))
    except SystemExit as stop:
        leave(stop.code or 0)


def _run(function: Callable[..., Any], arguments: tuple, log: str, folder: str, variables: dict[str, str]) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(file, number)
    for name, number in (('stdout', 1), ('stderr', 2)):
        setattr(sys, name, os.fdopen(number, 'w', buffering=1, closefd=False))
    import torch

    torch.set_num_threads(int(variables['OMP_NUM_THREADS']))  # the server's variables were read when it imported torch
    sys.exit(function(*arguments))
