"""Where nodes run. An executor starts `python -m benchmark.worker FOLDER` somewhere and says whether it still lives.

Whether a node is done is for its folder to say, so an executor that loses sight of a job loses nothing else.
"""

import importlib
from pathlib import Path
from typing import Protocol

from pretrain.errors import UserError


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
        """Start the worker of a node's folder."""

    def close(self) -> None:
        """Give back what the executor holds."""


EXECUTORS = {'local': 'LocalExecutor', 'slurm': 'SlurmExecutor', 'ray': 'RayExecutor'}
"""By the word of `--executor`; the class is in the module of that name."""


def make_executor(name: str, **options) -> Executor:
    """An executor by its name. UserError for an unknown one, or one whose library is missing."""
    if name not in EXECUTORS:
        raise UserError(f'unknown executor {name!r}; allowed: {", ".join(EXECUTORS)}')
    try:
        module = importlib.import_module(f'benchmark.executors.{name}')
    except ModuleNotFoundError as error:
        raise UserError(f'executor {name!r} needs {error.name}; `make setup-cluster` installs it') from error
    return getattr(module, EXECUTORS[name])(**options)
