"""Files that are whole or absent, whatever happens while they are written; hashes; and where caches lie."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

ENCODER = 'encoder.safetensors'
"""In a run directory of pre-training: the encoder alone, as an exchange file."""


@contextlib.contextmanager
def atomic(path: str | os.PathLike, durable: bool = True) -> Iterator[Path]:
    """A temporary path in the folder of `path`, to be written in the block; after it the file takes the name `path`.

    The content reaches the disk before the rename, and the rename before the call returns. An error in the block, a
    full disk or a kill leaves what was at `path` as it was; checks that the file reads back belong in the block.

    Args:
        durable: False for what is easily made again: it does not wait for the disk, and a power cut may empty it.
    """
    path = Path(path)
    # Containers that share a folder may have equal process ids, so the id alone is no name of one's own.
    temporary = path.with_name(f'.{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp')
    try:
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
        if durable:
            _flush(path.parent)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # the name that somebody gave
        raise
    finally:
        temporary.unlink(missing_ok=True)


def cache_folder(kind: str) -> Path:
    """`$MIMBENCH_CACHE/<kind>`, by default under `~/.cache/mimbench`: for what can be computed again."""
    return Path(os.environ.get('MIMBENCH_CACHE', '~/.cache/mimbench')).expanduser() / kind


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def json_hash(value) -> str:
    """sha256 over the canonical JSON of plain values; equal configs give equal hashes whatever their key order."""
    text = json.dumps(value, sort_keys=True, default=str, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
