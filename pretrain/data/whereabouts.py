"""Which file on the disk the name of a sample means, whatever way it is spelled."""

import os
from collections.abc import Iterable, Iterator

_MOST_LINKS = 40
"""One after the other, as Linux allows."""


class Whereabouts:
    """Answers for many names: each folder is listed once, so that a million names cost no million looks at the disk.

    A name is that of a file, or of something within one: `shard.tar:a/b.jpg`, `set.npz:images[3]`, `stack.npy[3]`.
    What it says is of the time when a folder was first asked about.
    """

    def __init__(self) -> None:
        self._listings: dict[str, dict[str, bool] | None] = {}
        self._links: set[str] = set()
        self._folders: dict[str, str] = {}

    def file(self, name: str) -> str:
        """The file a sample lies in: the name, or the longest part before a ':' or '[' that is a file; else ''."""
        path = name
        while path:
            folder, tail = os.path.split(path)
            listing = self._listing(folder)
            if listing is None:
                return next((part for part in (name, *_parts(name)) if os.path.isfile(part)), '')
            if path == name and listing.get(tail, False):
                return name
            for part in _parts(tail):
                if listing.get(part, False):
                    return os.path.join(folder, part)
            if folder == path:
                break
            path = folder
        return ''

    def real(self, name: str) -> str:
        """The name with symbolic links followed and the path made absolute; one sample has one such name."""
        file = self.file(name)
        path = file or name
        return self._follow(path) + name[len(path) :]

    def _follow(self, path: str) -> str:
        """`os.path.realpath`, which looks at every part of every path, for many paths in few folders."""
        for _ in range(_MOST_LINKS):
            folder, tail = os.path.split(path)
            if folder not in self._folders:
                self._folders[folder] = os.path.realpath(folder)
            path = os.path.join(self._folders[folder], tail)
            if tail in ('', '.', '..') or self._listing(self._folders[folder]) is None:
                break
            if path not in self._links:
                return path
            path = os.path.join(self._folders[folder], os.readlink(path))
        return os.path.realpath(path)

    def _listing(self, folder: str) -> dict[str, bool] | None:
        """Of each entry, whether it is a file; empty where there is no such folder, None where it may not be listed."""
        if folder not in self._listings:
            try:
                with os.scandir(folder or '.') as entries:
                    found = {}
                    for entry in entries:
                        found[entry.name] = _is_file(entry)
                        if entry.is_symlink():
                            self._links.add(os.path.join(folder, entry.name))
                self._listings[folder] = found
            except PermissionError:
                self._listings[folder] = None
            except (OSError, ValueError):  # a member of a shard, or a name that is no path
                self._listings[folder] = {}
        return self._listings[folder]


def shared_samples(one: Iterable[str], other: Iterable[str]) -> list[tuple[str, str]]:
    """The names of samples that are in both, as each spells them, sorted."""
    where = Whereabouts()
    known = {where.real(name): name for name in one}
    found = {where.real(name): name for name in other}
    return sorted((known[place], found[place]) for place in known.keys() & found.keys())


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _parts(name: str) -> Iterator[str]:
    """What stands before each ':' and '[', the longest first."""
    for end in range(len(name) - 1, 0, -1):
        if name[end] in ':[':
            yield name[:end]
