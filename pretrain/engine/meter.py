"""What a run takes, and the facts of its record that do not depend on the task."""

import datetime
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch

from pretrain.engine.provenance import environment
from pretrain.record import Cost

STATUS = Path('/proc/self/status')
"""What Linux says about this process."""


class Meter:
    """Measures a run, from its construction on."""

    def __init__(self):
        self.start = time.perf_counter()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def read(self, world_size: int = 1, resumed_at: int = 0, before: float = 0.0) -> Cost:
        """The cost so far.

        Args:
            before: seconds of earlier processes that this one built on.
        """
        seconds = before + time.perf_counter() - self.start
        on_gpu = torch.cuda.is_available()
        return Cost(
            wall_seconds=seconds,
            gpu_seconds=seconds * world_size if on_gpu else 0.0,
            peak_memory_mb=peak_memory_mb(),
            peak_gpu_memory_mb=torch.cuda.max_memory_allocated() / (1 << 20) if on_gpu else 0.0,
            resumed_at=resumed_at,
        )


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in MiB.

    On Linux `ru_maxrss` outlives exec: in a process that was just started it is already the peak of the one that
    started it. `VmHWM` belongs to the program alone.
    """
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    for line in lines:  # some sandboxes show none
        if line.startswith('VmHWM'):
            return int(line.split()[1]) / (1 << 10)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resident / (1 << 20 if sys.platform == 'darwin' else 1 << 10)


def stamp() -> dict[str, Any]:
    """The fields that do not depend on the task: environment and time."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
    return {'environment': environment(), 'finished': now}
