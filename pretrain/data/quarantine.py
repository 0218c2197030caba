"""The ledger of damaged training images."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pretrain.errors import DataError


class QuarantineLedger:
    """Counts and records the damaged images that training replaced, and stops when there are too many.

    Args:
        dataset_size: number of images.
        path: JSON lines, one per damaged image: `id`, `error`, `iteration`. A resumed run goes on counting. Processes
            of one run share the file: each appends what it meets and counts what all have written. Half a line, which
            a kill or a full disk leaves, does not count: its image is met again.
        limit_fraction: tolerated share of the set. The allowed number is rounded down, so a set of fewer than 1000
            images tolerates none at the default of 0.1 %: a small set can be mended by hand.
    """

    def __init__(self, dataset_size: int, path: str | Path, limit_fraction: float = 0.001):
        self.path = Path(path)
        # The epsilon keeps 0.001 * 3000 at 3 whatever the rounding.
        self.limit = int(dataset_size * limit_fraction + 1e-9)
        self.dataset_size = dataset_size
        self.ids = self._read()

    def record(self, batch: Mapping[str, Any], iteration: int | None = None) -> int:
        """Enter the replaced images of a batch; the number that were new.

        Raises DataError when the set then has more damaged images than allowed.
        """
        new = {path: error for path, error in batch.get('replaced', ()) if path not in self.ids}
        if not new:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({'id': path, 'error': error, 'iteration': iteration}) + '\n' for path, error in new.items()]
        self._append(''.join(lines))
        self.ids = self._read()
        if len(self.ids) > self.limit:
            error = next(iter(new.values()))
            raise DataError(
                f'{len(self.ids)} of {self.dataset_size} training samples are damaged, {self.limit} are tolerated; '
                f'the last: {error}; all are listed in {self.path}: mend them, or begin without them in another '
                '--work-dir'
            )
        return len(new)

    def _append(self, lines: str) -> None:
        with open(self.path, 'ab+') as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b'\n':  # torn by a kill or a full disk: the first new line must not be lost with it
                    lines = f'\n{lines}'
            file.write(lines.encode())

    def _read(self) -> set[str]:
        if not self.path.exists():
            return set()
        with open(self.path, encoding='utf-8', errors='replace') as file:
            return {entry['id'] for entry in map(_entry, file) if entry}


def _entry(line: str) -> dict[str, Any] | None:
    """What a line says; None for an empty one and for what a process could not write to its end."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) and 'id' in entry else None
