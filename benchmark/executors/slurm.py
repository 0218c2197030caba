"""Nodes as jobs of SLURM, submitted through submitit.

The job's process becomes the worker (it does not start one), so what SLURM sends reaches the worker: SIGUSR1 before
the time limit, SIGTERM at a preemption. The worker hands it on, the command saves and exits with 75, and the driver
submits the node again. Nothing asks `sacct`, which many clusters lack: what waits or runs is what `squeue` lists, and
how a node ended is what its folder says.
"""

import contextlib
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit

from benchmark.command import ROOT
from benchmark.executors import Refused, threads_for
from pretrain.errors import UserError
from pretrain.occupancy import holder

LOGS = 'slurm'
"""Folder in a node's folder: scripts of sbatch, and what SLURM itself says of its jobs."""
LOOK_SECONDS = 5.0
"""Between two calls of squeue; one call answers for all jobs."""
CALL_SECONDS = 60.0


class Queue:
    """The jobs of this user that wait or run.

    A squeue that fails or hangs tells nothing, so what was known before holds; nor does anybody wait for it.
    """

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.answered = -math.inf
        self.asked = -math.inf
        self.process: subprocess.Popen | None = None
        self.output = tempfile.TemporaryFile('w+')  # noqa: SIM115  (a pipe would be full before it is read)

    def has(self, job: str, submitted: float) -> bool:
        """Whether a job waits or runs, as far as is known.

        Args:
            submitted: time.monotonic() when sbatch had answered; a list that is older cannot tell of it.
        """
        self.look()
        return job in self.alive or self.answered < submitted

    def look(self, wait: float = 0.0) -> None:
        """Read what squeue has answered, and ask again when that is long ago.

        Args:
            wait: seconds to wait for an answer.
        """
        if self.process is None and time.monotonic() - self.asked >= LOOK_SECONDS:
            self.output.seek(0)
            self.output.truncate()
            self.asked = time.monotonic()
            words = ['squeue', '--noheader', '--format=%A %T', f'--user={os.getuid()}']
            self.process = subprocess.Popen(words, stdout=self.output, stderr=subprocess.DEVNULL)
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(wait)
        if self.process.poll() is None and time.monotonic() - self.asked > CALL_SECONDS:
            self.process.kill()
            self.process.wait()
        if self.process.poll() == 0:
            self.output.seek(0)
            jobs = (line.split() for line in self.output)
            # machines may clean up after a job for hours; whether a process is left is for the folder to say
            self.alive, self.answered = {job[0] for job in jobs if job[-1] != 'COMPLETING'}, self.asked
        if self.process.poll() is not None:
            self.process = None


@dataclass
class SlurmJob:
    folder: Path
    number: str
    queue: Queue
    submitted: float
    asked: bool = False
    heard: bool = False

    def alive(self) -> bool:
        alive = self.queue.has(self.number, self.submitted)
        if alive and self.asked and not self.heard:
            self._ask()
        return alive

    def cancel(self) -> None:
        """One that waits is taken from the queue; the worker of one that runs gets SIGTERM, then SIGKILL."""
        if self.asked:
            _scancel('--signal=KILL', self.number)
            _scancel(self.number)
        else:
            _scancel('--state=PENDING', self.number)
            self._ask()
        self.asked = True

    def _ask(self) -> None:
        """SIGTERM for the worker; a job that is just starting has none, so it is told when it has."""
        self.heard = holder(self.folder) is not None
        if self.heard or not self.asked:
            _scancel('--signal=TERM', self.number)


class SlurmExecutor:
    """Jobs of one task each; torchrun in it takes care of several GPUs.

    Args:
        slots: jobs that wait or run at a time.
        gpus_per_run: of each job; 0 on a cluster without.
        lead: seconds before the time limit at which SIGUSR1 asks the run to save.
        sbatch: options of sbatch by their long names: partition='gpu', time='1-00:00', cpus_per_task=8, exclusive=True.

    Raises UserError without SLURM, or for an option that sbatch does not know.
    """

    def __init__(self, slots: int = 32, gpus_per_run: int = 1, lead: int = 120, **sbatch: Any):
        for name in ('sbatch', 'srun', 'squeue', 'scancel'):
            if shutil.which(name) is None:
                raise UserError(f'executor slurm: {name} not found; start it on a login node of the cluster')
        listed = subprocess.run(['sbatch', '--help'], capture_output=True, text=True).stdout
        known = set(re.findall(r'--([a-z][a-z-]+)', listed)) - {'array', 'output', 'error', 'ntasks', 'nodes', 'wrap'}
        self.options = {name.replace('-', '_'): value for name, value in sbatch.items()}
        for name in self.options:
            if name.replace('_', '-') not in known:
                allowed = 'allowed are slots, gpus_per_run, lead and what `sbatch --help` lists, for jobs of one task'
                raise UserError(f'executor slurm has no option {name!r}; {allowed}')
        self.slots, self.processes = slots or 32, gpus_per_run
        self.options.setdefault('signal', f'USR1@{lead}')
        if gpus_per_run and not self.options.keys() & {'gpus_per_node', 'gpus', 'gres', 'gpus_per_task'}:
            self.options['gpus_per_node'] = gpus_per_run
        self.queue = Queue()
        self.accepted, self.refused = False, -math.inf

    def submit(self, folder: Path) -> SlurmJob:
        if time.monotonic() - self.refused < LOOK_SECONDS:
            raise Refused
        folder = folder.resolve()
        executor = submitit.SlurmExecutor(folder / LOGS)
        executor.update_parameters(
            job_name=folder.name,
            setup=[f'export PYTHONPATH={shlex.quote(str(ROOT))}${{PYTHONPATH:+:$PYTHONPATH}}'],
            stderr_to_stdout=True,
            time=None,  # submitit's own default is five minutes
            additional_parameters=self.options,
        )
        try:
            number = executor.submit(become_worker, str(folder), self.processes).job_id
        except (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError) as error:
            text = f'sbatch refused {folder.name}: {_reason(error)}'
            if not self.accepted:
                raise UserError(text) from error
            self.refused = time.monotonic()  # it took such jobs before: the controller is down, or the queue is full
            raise Refused(text) from error
        self.accepted = True
        return SlurmJob(folder, number, self.queue, time.monotonic())

    def adopt(self, folder: Path) -> SlurmJob | None:
        if self.queue.answered < 0:
            self.queue.look(wait=CALL_SECONDS)
        for script in (folder / LOGS).glob('*_submission.sh'):
            number = script.name.partition('_')[0]
            if number in self.queue.alive:
                return SlurmJob(folder, number, self.queue, -math.inf)
        return None

    def close(self) -> None:
        pass


def become_worker(folder: str, processes: int) -> None:
    """Replace this process, and with it the signal handlers of submitit, which would requeue the job themselves.

    Threads are as many as the cores that SLURM gave, whether or not it binds jobs to them.
    """
    cores = os.environ.get('SLURM_CPUS_PER_TASK') or os.environ.get('SLURM_CPUS_ON_NODE', '')
    if cores.isdecimal():
        os.environ.setdefault('OMP_NUM_THREADS', threads_for(int(cores), processes))
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, '-m', 'benchmark.worker', folder])


def _scancel(*words: str) -> None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):  # it may have ended; the driver looks again
        subprocess.run(['scancel', '--quiet', *words], capture_output=True, timeout=CALL_SECONDS)


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if 'error' in line.lower()]
    return (lines or str(error).splitlines() or ['no reason given'])[-1].strip()
