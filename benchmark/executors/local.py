"""Nodes as processes of this machine, a slot for each GPU or share of the CPU."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmark.command import environment

GPUS = 'CUDA_VISIBLE_DEVICES'


@dataclass
class LocalJob:
    process: subprocess.Popen
    slot: int
    asked: bool = False

    def alive(self) -> bool:
        return self.process.poll() is None

    def cancel(self) -> None:
        if self.alive():
            self.process.send_signal(signal.SIGKILL if self.asked else signal.SIGTERM)
        self.asked = True


class LocalExecutor:
    """Processes of this machine.

    Args:
        slots: nodes at a time; 0 for one per `gpus_per_run` GPUs, and without GPUs one per two cores.
        gpus_per_run: GPUs that each node sees.
    """

    def __init__(self, slots: int = 0, gpus_per_run: int = 1):
        self.gpus, self.gpus_per_run = visible_gpus(), gpus_per_run
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
        self.slots = slots or len(self.gpus) // gpus_per_run or max(1, cores // 2)
        self.threads = max(1, cores // self.slots)
        self.jobs: dict[int, LocalJob] = {}

    def submit(self, folder: Path) -> LocalJob:
        slot = next(i for i in range(self.slots) if i not in self.jobs or not self.jobs[i].alive())
        variables = environment()
        variables.setdefault('OMP_NUM_THREADS', str(self.threads))
        if self.gpus:
            first = slot * self.gpus_per_run % len(self.gpus)
            variables[GPUS] = ','.join(self.gpus[first : first + self.gpus_per_run])
        process = subprocess.Popen(
            [sys.executable, '-m', 'benchmark.worker', str(folder)],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the driver alone, which asks the nodes to save
        )
        self.jobs[slot] = LocalJob(process, slot)
        return self.jobs[slot]

    def close(self) -> None:
        pass


def visible_gpus() -> list[str]:
    """Ids of this machine's GPUs, as CUDA_VISIBLE_DEVICES takes them, without importing torch."""
    if GPUS in os.environ:
        return [word for word in os.environ[GPUS].split(',') if word not in ('', '-1')]
    return [str(i) for i in range(len(list(Path('/dev').glob('nvidia[0-9]*'))))]
