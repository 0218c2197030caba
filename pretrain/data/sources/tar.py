"""Images in tar shards, in the layout of webdataset, with random access."""

import glob
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pretrain.data.names import PackedStrings
from pretrain.data.sources.base import is_image, label_array
from pretrain.errors import DataError
from pretrain.registry import DATASETS

_MAX_OPEN = 64


@DATASETS.register_module()
class TarSource:
    """Samples of consecutive members with one key: `key.jpg`, and optionally `key.cls` or `key.json` for the label.

    Args:
        shards: a path, a glob (`train-*.tar`), a brace pattern (`train-{000..146}.tar`, `{train,extra}.tar`), or a list
            of those. Shards keep the order given; a glob is sorted.
        label_key: the field of `key.json` that holds the integer class.
        classes: class names in label order.

    The key is the member's path up to the first dot of its last part, as webdataset defines it. A link is read as the
    member it leads to; `._*`, which macOS adds, is left out. Headers are scanned once; images are then read by
    position, so any order costs the same. Raises DataError for compressed tar files, which cannot be read by
    position, for damaged ones and those that are cut off, for a key with two images and a link to nowhere.
    """

    def __init__(self, shards: str | Path | Sequence, label_key: str = 'label', classes: Sequence[str] | None = None):
        self.classes = list(classes) if classes is not None else None
        self._shards = expand_shards(shards)
        members: list[str] = []
        places: list[tuple[int, int, int]] = []
        labels: list[int | None] = []
        for number, shard in enumerate(self._shards):
            for name, offset, size, label in _scan(shard, label_key):
                members.append(name)
                places.append((number, offset, size))
                labels.append(label)
        if not members:
            raise DataError(f'no image in tar shards {shards!r}; expected members such as 000123.jpg')
        self._members = PackedStrings(members)
        self._places = np.asarray(places, dtype=np.int64)
        self._labels = label_array(labels)
        self._open: dict[int, int] = {}

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_open': {}}

    def __len__(self) -> int:
        return len(self._members)

    def name(self, i: int) -> str:
        return f'{self._shards[self._places[i, 0]]}:{self._members[i]}'

    def read(self, i: int) -> bytes | np.ndarray:
        shard, offset, size = (int(v) for v in self._places[i])
        # pread has no file position, so descriptors inherited by forked workers do not disturb each other.
        data = os.pread(self._descriptor(shard), size, offset)
        if len(data) != size:
            raise OSError(f'{len(data)} of {size} bytes')
        if self._members[i].lower().endswith('.npy'):
            return np.load(io.BytesIO(data), allow_pickle=False)
        return data

    def label(self, i: int) -> int | None:
        return None if self._labels is None else int(self._labels[i])

    def _descriptor(self, shard: int) -> int:
        if shard not in self._open:
            if len(self._open) >= _MAX_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            self._open[shard] = os.open(self._shards[shard], os.O_RDONLY)
        return self._open[shard]

    def __del__(self):
        for descriptor in getattr(self, '_open', {}).values():
            os.close(descriptor)


def expand_shards(shards: str | Path | Sequence) -> list[str]:
    """Paths named by a pattern or a list of patterns. Raises DataError for a pattern that names no existing file.

    What exists as it is spelled is no pattern: neither a file nor the folders that a pattern begins with.
    """
    patterns = [shards] if isinstance(shards, (str, Path)) else list(shards)
    paths: list[str] = []
    for given in map(str, patterns):
        if os.path.isfile(given):
            paths.append(given)
            continue
        folder = os.path.dirname(given)
        while folder and not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        for rest in _expand_braces(given[len(folder) :]):
            found = [folder + rest] if os.path.isfile(folder + rest) else sorted(glob.glob(glob.escape(folder) + rest))
            if not found:
                raise DataError(f'no tar shard {folder + rest!r}; give an existing file, a glob or a brace pattern')
            paths += found
    return paths


def _expand_braces(pattern: str) -> list[str]:
    match = re.search(r'\{([^{}]*)\}', pattern)
    if match is None:
        return [pattern]
    span = re.fullmatch(r'(\d+)\.\.(\d+)', match[1])
    if span:
        width = len(span[1])
        choices = [str(n).zfill(width) for n in range(int(span[1]), int(span[2]) + 1)]
    else:
        choices = match[1].split(',')
    return [p for c in choices for p in _expand_braces(pattern[: match.start()] + c + pattern[match.end() :])]


def _scan(shard: str, label_key: str) -> Iterator[tuple[str, int, int, int | None]]:
    """`(member, offset, size, label)` of every sample of one shard that has an image."""
    key, image, label = None, None, None
    index: dict[str, tarfile.TarInfo] = {}
    try:
        with tarfile.open(shard, 'r:') as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile keeps every header otherwise
                linked = member.islnk() or member.issym()
                head, tail = os.path.split(member.name)
                if not (member.isfile() or linked) or tail.startswith('._'):
                    continue
                stem, _, extension = tail.partition('.')
                if os.path.join(head, stem) != key:
                    if image:
                        yield (*image, label)
                    key, image, label = os.path.join(head, stem), None, None
                is_label = extension.lower() in ('cls', 'json')
                if not (is_image(tail) or is_label):
                    continue
                if linked and not index:
                    index = _index(shard)
                held = _follow(member, index, shard)
                if is_label:
                    label = _read_label(tar, member.name, held, label_key, label)
                elif image is None:
                    image = (member.name, held.offset_data, held.size)
                else:
                    raise DataError(
                        f'tar shard {shard!r}: {image[0]!r} and {member.name!r} are two images of one sample, whose '
                        f'key {key!r} ends at the first dot; rename them, with a dot before the extension only'
                    )
            # tarfile takes the end of the file, or what is no header, for the end of the archive.
            tar.fileobj.seek(tar.offset)  # type: ignore[union-attr]
            if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # type: ignore[union-attr]
                raise DataError(
                    f'tar shard {shard!r} is cut off or damaged at byte {tar.offset:,}, where neither a member nor the '
                    'end of the archive is; copy or write it again'
                )
    except (tarfile.TarError, OSError) as error:
        raise DataError(
            f'tar shard {shard!r} cannot be read: {error}; shards must be plain, uncompressed tar'
        ) from error
    if image:
        yield (*image, label)


def _index(shard: str) -> dict[str, tarfile.TarInfo]:
    """All members by name; of those with one name the last. Only shards with links need it."""
    with tarfile.open(shard, 'r:') as tar:
        return {os.path.normpath(member.name): member for member in tar}


def _follow(member: tarfile.TarInfo, index: dict[str, tarfile.TarInfo], shard: str) -> tarfile.TarInfo:
    """The member that holds the bytes: itself, or what a hard or symbolic link leads to. DataError for a dead link."""
    found, seen = member, set()
    while not found.isfile():
        # A hard link names the member from the top of the archive, a symbolic one from its own folder.
        start = '' if found.islnk() else os.path.dirname(found.name)
        name = os.path.normpath(os.path.join(start, found.linkname))
        if name in seen or name not in index:
            raise DataError(
                f'tar shard {shard!r}: {member.name!r} is a link to {member.linkname!r}, which is no file of this '
                'shard; write the shard with files in place of links: tar --dereference --hard-dereference'
            )
        seen.add(name)
        found = index[name]
    return found


def _read_label(
    tar: tarfile.TarFile, name: str, held: tarfile.TarInfo, label_key: str, known: int | None
) -> int | None:
    """The class in a `.cls` or `.json` member; `known` when the JSON has no such field."""
    file = tar.extractfile(held)
    data = file.read() if file else b''
    try:
        text = data.decode('utf-8-sig')
        if name.lower().endswith('.json'):
            label = json.loads(text).get(label_key, known)
            return None if label is None else int(label)
        return int(text)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        shown = data[:40].decode(errors='replace')
        raise DataError(f'label {tar.name!s}:{name} holds {shown!r}, expected an integer class') from error
