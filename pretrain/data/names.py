"""Millions of file names without millions of Python objects."""

import os
from collections.abc import Iterable, Iterator

import numpy as np


class PackedStrings:
    """An immutable list of strings in two NumPy arrays.

    A Python list of strings is copied page by page into every forked worker, because reading a string changes its
    reference count; two arrays are shared, and pickle as two blocks. Undecodable file names survive (`os.fsencode`).
    """

    def __init__(self, strings: Iterable[str]):
        encoded = [os.fsencode(s) for s in strings]
        self._ends = np.cumsum([len(e) for e in encoded], dtype=np.int64)
        self._bytes = np.frombuffer(b''.join(encoded), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, i: int) -> str:
        if not 0 <= i < len(self):
            raise IndexError(f'string {i} of {len(self)}')
        start = self._ends[i - 1] if i else 0
        return os.fsdecode(self._bytes[start : self._ends[i]].tobytes())

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))
