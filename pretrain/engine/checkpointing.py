"""Training checkpoints that survive a kill at any moment.

A checkpoint is written to a temporary file in its own folder, flushed to the disk, read back, and only then renamed to
its final name; older ones are removed after that, and at least two are kept.
"""

import re
import zipfile
from pathlib import Path

import torch

from pretrain.errors import CheckpointError
from pretrain.files import atomic

PATTERN = re.compile(r'^iter_(\d+)\.pth$')
KEEP_AT_LEAST = 2
WEIGHTS = 'model.pth'
"""All weights of a model beside the encoder that it exported on the way, without the state of the optimiser."""


def save(state: dict, folder: Path, iteration: int, keep: int = KEEP_AT_LEAST) -> Path:
    """Write `folder/iter_<iteration>.pth`. `keep` is the number of checkpoints that remain, at least two.

    One process writes to a folder; temporary files of processes that died there are removed.

    Raises OSError when the disk is full or refuses; the checkpoints that were there are untouched then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f'iter_{iteration:07d}.pth'
    write(state, final)
    abandoned = folder.glob('.iter_*.tmp')
    for old in [path for _, path in finished(folder)[max(keep, KEEP_AT_LEAST) :]] + list(abandoned):
        old.unlink(missing_ok=True)
    return final


def write(state: dict, path: Path) -> None:
    """Write a state that has been read back when it takes its name. Raises OSError as `save` does."""
    with atomic(path) as temporary:
        torch.save(state, temporary)
        verify(temporary)


def verify(path: Path) -> None:
    """Read every byte back and compare with the checksums of the archive; CheckpointError if one differs."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        raise CheckpointError(f'{path}: truncated or damaged checkpoint ({error})') from error
    if damaged is not None:
        raise CheckpointError(f'{path}: damaged checkpoint, entry {damaged} fails its checksum')


def load(path: Path) -> dict:
    """Read a training checkpoint on the CPU; nothing in it is executed."""
    verify(path)
    return torch.load(path, map_location='cpu', weights_only=True)


def finished(folder: Path) -> list[tuple[int, Path]]:
    """(iteration, path) of all checkpoints in a folder, newest first."""
    if not folder.is_dir():
        return []
    found = [(int(m.group(1)), folder / m.group(0)) for p in folder.iterdir() if (m := PATTERN.match(p.name))]
    return sorted(found, reverse=True)


def latest(folder: Path) -> Path | None:
    """The newest checkpoint that reads back, or None when there is none at all.

    CheckpointError if there are checkpoints and all are damaged: starting afresh would overwrite what may be saved.
    """
    candidates = finished(folder)
    errors = []
    for _, path in candidates:
        try:
            verify(path)
            return path
        except CheckpointError as error:
            errors.append(str(error))
    if errors:
        raise CheckpointError(f'no readable checkpoint in {folder}: {errors[0]}; move the folder away to start afresh')
    return None
