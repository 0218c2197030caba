"""Nodes as processes of this machine, a slot for each GPU or share of the CPU."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmark.command import environment
from benchmark.executors import threads_for
from benchmark.nodes import ATTEMPTS, LOG, read_lines
from benchmark.worker import SLOT
from pretrain.errors import UserError
from pretrain.occupancy import holder

GPUS = 'CUDA_VISIBLE_DEVICES'


@dataclass
class LocalJob:
    """A worker, leader of its process group, and the command that it started.

    Args:
        process: None for a worker that an earlier driver started.
    """

    folder: Path
    pid: int
    slot: int
    process: subprocess.Popen | None = None
    asked: bool = False

    def alive(self) -> bool:
        """A command that outlived its worker holds the folder and its GPUs."""
        return (self.process is not None and self.process.poll() is None) or holder(self.folder) is not None

    def cancel(self) -> None:
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                if self.asked:
                    os.killpg(self.pid, signal.SIGKILL)
                elif _exists(self.pid):
                    os.kill(self.pid, signal.SIGTERM)
                else:
                    os.killpg(self.pid, signal.SIGTERM)
        self.asked = True


class LocalExecutor:
    """Processes of this machine.

    Args:
        slots: nodes at a time; 0 for one per `gpus_per_run` GPUs, and without GPUs one per two cores.
        gpus_per_run: GPUs that each node sees.

    Raises UserError where a node would see fewer GPUs than that; a machine without GPUs has no such bound.
    """

    def __init__(self, slots: int = 0, gpus_per_run: int = 1):
        self.gpus, self.gpus_per_run = visible_gpus(), gpus_per_run
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
        self.slots = slots or len(self.gpus) // max(1, gpus_per_run) or max(1, cores // 2)
        self._check_gpus()
        self.threads = threads_for(cores // self.slots, gpus_per_run)
        self.jobs: list[LocalJob] = []

    def _check_gpus(self) -> None:
        """Slots beyond the GPUs share them, which works out only where the GPUs divide into whole shares."""
        there, each = len(self.gpus), self.gpus_per_run
        if not there or not each:
            return
        has = f'this machine has {there} {"GPU" if there == 1 else "GPUs"}'
        if each > there:
            raise UserError(f'--gpus-per-run {each}: {has}; at most {there} fit')
        fitting = there // each
        if self.slots > fitting and there % each:
            raise UserError(f'--slots {self.slots} with --gpus-per-run {each}: {has}; at most --slots {fitting} fits')

    def submit(self, folder: Path) -> LocalJob:
        self.jobs = [job for job in self.jobs if job.alive()]
        taken = {job.slot for job in self.jobs}
        slot = next(i for i in range(len(taken) + 1) if i not in taken)
        variables = {**environment(), SLOT: str(slot)}
        variables.setdefault('OMP_NUM_THREADS', self.threads)
        if self.gpus:
            first = slot * self.gpus_per_run % len(self.gpus)
            variables[GPUS] = ','.join(self.gpus[first : first + self.gpus_per_run])
        with open(folder / LOG, 'ab') as log:
            process = subprocess.Popen(
                [sys.executable, '-m', 'benchmark.worker', str(folder)],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the driver alone, which asks the nodes to save
            )
        job = LocalJob(folder, process.pid, slot, process)
        self.jobs.append(job)
        return job

    def adopt(self, folder: Path) -> LocalJob | None:
        begun = [line for line in read_lines(folder / ATTEMPTS) if 'pid' in line]
        if not begun or begun[-1]['host'] != socket.gethostname() or holder(folder) is None:
            return None
        job = LocalJob(folder, begun[-1]['pid'], begun[-1].get('slot', 0))
        self.jobs.append(job)
        return job

    def close(self) -> None:
        pass


def visible_gpus() -> list[str]:
    """Ids of this machine's GPUs, as CUDA_VISIBLE_DEVICES takes them, without importing torch."""
    if GPUS in os.environ:
        return [word for word in os.environ[GPUS].split(',') if word not in ('', '-1')]
    return [str(i) for i in range(len(list(Path('/dev').glob('nvidia[0-9]*'))))]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
