"""Where nodes run. An executor starts `python -m benchmark.worker FOLDER` somewhere and says whether it still lives.

Whether a node is done is for its folder to say, so an executor that loses sight of a job loses nothing else.
"""

import importlib
import inspect
from pathlib import Path
from typing import Any, Protocol

from pretrain.errors import UserError


class Refused(Exception):
    """The executor takes no job for now; the node is submitted later."""


class Job(Protocol):
    """A started node."""

    def alive(self) -> bool:
        """Whether the job waits in a queue or runs."""

    def cancel(self) -> None:
        """Ask the job to save and end (SIGTERM); a second call ends it at once."""


class Executor(Protocol):
    """Starts nodes.

    Attributes:
        slots: jobs that may be submitted at a time.
    """

    slots: int

    def submit(self, folder: Path) -> Job:
        """Start the worker of a node's folder. Raises Refused."""

    def adopt(self, folder: Path) -> Job | None:
        """The job of a node's folder that an earlier driver started and that still waits or runs; None for none."""

    def close(self) -> None:
        """Give back what the executor holds."""


EXECUTORS = {'local': 'LocalExecutor', 'slurm': 'SlurmExecutor', 'ray': 'RayExecutor'}
"""By the word of `--executor`; the class is in the module of that name."""
NUMBERS = frozenset(('slots', 'gpus_per_run'))
"""Options of every executor, whole numbers."""


def check_executor(name: str, **options) -> None:
    """Check what can be known of an executor without its library, and without starting anything.

    Raises UserError for an unknown name, and for `slots` or `gpus_per_run` that are no whole numbers.
    """
    if name not in EXECUTORS:
        raise UserError(f'unknown executor {name!r}; allowed: {", ".join(EXECUTORS)}')
    for option in NUMBERS & options.keys():
        _whole(name, option, options[option])


def make_executor(name: str, **options) -> Executor:
    """An executor by its name.

    Args:
        options: `slots` and `gpus_per_run`, which all have, and those of this one; SLURM takes any option of sbatch.

    Raises UserError for an unknown name or option, or one whose library is missing.
    """
    check_executor(name, **options)
    try:
        module = importlib.import_module(f'benchmark.executors.{name}')
    except ModuleNotFoundError as error:
        raise UserError(f'executor {name!r} needs {error.name}; `make setup-cluster` installs it') from error
    kind = getattr(module, EXECUTORS[name])
    known = inspect.signature(kind).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        for option in options:
            if option not in known:
                raise UserError(f'executor {name!r} has no option {option!r}; allowed: {", ".join(known)}')
    numbers = NUMBERS | {option for option, parameter in known.items() if isinstance(parameter.default, int)}
    for option in numbers & options.keys():
        options[option] = _whole(name, option, options[option])
    return kind(**options)


def threads_for(cores: int, processes: int) -> str:
    """OMP_NUM_THREADS of a node's processes, which share its cores."""
    return str(max(1, cores // max(1, processes)))


def _whole(name: str, option: str, value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise UserError(f'option {option!r} of executor {name!r} is {value!r}; it must be a whole number')
    return int(value)
