"""Nodes on a Ray cluster whose machines share the file system.

Each node is an actor that keeps its GPUs and starts the worker as a process. The actor is detached: it outlives a
driver that is killed, and the next driver finds it by the folder's name.
"""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorAlreadyExistsError, RayError

from benchmark.command import environment
from benchmark.executors import Refused, threads_for
from benchmark.nodes import LOG
from pretrain.errors import UserError
from pretrain.occupancy import holder

NAMESPACE = 'mimbench'
# Ray's processes cannot import this module; an environment of their own, which could, makes each start seconds slower.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Runner:
    """Starts the worker of a folder, and hands signals to it. Lives on the machine that Ray chose.

    Args:
        environment: variables for the worker beside those of Ray's own process, which name its GPUs.
        home: the driver's working folder, from which relative paths in configs count.
    """

    def __init__(self, folder: str, environment: dict[str, str], home: str):
        with open(Path(folder) / LOG, 'ab') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'benchmark.worker', folder],
                env={**os.environ, **environment},
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return when the worker has ended, and give its GPUs back even where no driver is left to do so."""
        self.process.wait()
        ray.actor.exit_actor()

    def stop(self, kill: bool) -> None:
        """SIGTERM for the worker, or SIGKILL for it and its command."""
        with contextlib.suppress(ProcessLookupError):
            if kill:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.send_signal(signal.SIGTERM)


@dataclass
class RayJob:
    folder: Path
    actor: Any
    ready: Any
    ended: Any
    asked: bool = False

    def alive(self) -> bool:
        """An error of Ray, such as a machine that was lost, ends a job as well."""
        return not _answered(self.ended)

    def cancel(self) -> None:
        if not _answered(self.ready) and holder(self.folder) is None:  # it still waits for a machine
            ray.kill(self.actor)
        elif self.alive():
            self.actor.stop.remote(self.asked)
        self.asked = True


class RayExecutor:
    """Actors of a Ray cluster.

    Args:
        slots: nodes that wait or run at a time; 0 for as many as fit on the cluster now.
        gpus_per_run: GPUs of each node; 0 on a cluster without.
        cpus_per_run: cores of each node; its processes share them as threads.
        address: of a running cluster, or 'auto' for the one of this machine; without it one is started here, which
            ends with the driver.

    Raises UserError for a cluster that cannot be reached, or has no machine that is large enough.
    """

    def __init__(self, slots: int = 0, gpus_per_run: int = 1, cpus_per_run: int = 1, address: str = ''):
        os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
        local = {} if address else {'include_dashboard': False}
        try:
            ray.init(address or 'local', namespace=NAMESPACE, log_to_driver=False, logging_level='error', **local)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(f'no Ray cluster at {address or "this machine"}: {reason}') from error
        self.resources = {'num_cpus': cpus_per_run, 'num_gpus': gpus_per_run}
        wanted = {'CPU': cpus_per_run, 'GPU': gpus_per_run}
        fits = [_fit(machine['Resources'], wanted) for machine in ray.nodes() if machine['Alive']]
        if not any(fits):
            self.close()
            text = f'no machine of the Ray cluster has {gpus_per_run} GPUs and {cpus_per_run} cores'
            raise UserError(f'{text}; lower gpus_per_run (0 without GPUs) or cpus_per_run')
        self.slots = slots or sum(fits)
        mine = ('MIMBENCH_', 'PYTHONPATH')
        self.environment = {name: value for name, value in environment().items() if name.startswith(mine)}
        threads = os.environ.get('OMP_NUM_THREADS') or threads_for(cpus_per_run, gpus_per_run)
        self.environment['OMP_NUM_THREADS'] = threads  # else Ray gives every process all cores of the node
        self.kind = ray.remote(max_concurrency=4, max_restarts=0, **self.resources)(Runner)

    def submit(self, folder: Path) -> RayJob:
        place = str(folder.resolve())
        try:
            actor = self.kind.options(name=place, lifetime='detached').remote(place, self.environment, os.getcwd())
        except ActorAlreadyExistsError as error:  # that of the last attempt, whose end Ray has not understood yet
            with contextlib.suppress(ValueError):
                ray.kill(ray.get_actor(place, namespace=NAMESPACE))
            raise Refused(str(error)) from error
        return _job(folder, actor)

    def adopt(self, folder: Path) -> RayJob | None:
        with contextlib.suppress(ValueError):  # there is none
            return _job(folder, ray.get_actor(str(folder.resolve()), namespace=NAMESPACE))
        return None

    def close(self) -> None:
        ray.shutdown()


def _job(folder: Path, actor) -> RayJob:
    return RayJob(folder, actor, actor.__ray_ready__.remote(), actor.wait.remote())


def _answered(reference) -> bool:
    try:
        return bool(ray.wait([reference], timeout=0)[0])
    except RayError:
        return True


def _fit(resources: dict[str, float], wanted: dict[str, int]) -> int:
    """How many runs fit on a machine."""
    return int(min((resources.get(name, 0) // count for name, count in wanted.items() if count), default=1))
