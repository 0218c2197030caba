"""torch's file format before 1.6, read with inert parts only.

Such a file is a row of pickles (magic number, version, system, content, storage keys) and then the raw storages. Whole
modules saved in it refer to their classes in a way that torch's weights-only reader does not know, so it is read here.
Whatever the pickles name is looked up in a table of harmless parts; any other name is an error before it is used.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    'torch.FloatStorage': torch.float32,
    'torch.HalfStorage': torch.float16,
    'torch.BFloat16Storage': torch.bfloat16,
    'torch.DoubleStorage': torch.float64,
    'torch.LongStorage': torch.int64,
}


def read_legacy(path: Path, classes: list[type]) -> Any:
    """The object in a file, its modules as instances of `classes`.

    Raises pickle.UnpicklingError when it is another format, or names anything outside `classes` (`GLOBAL name`).
    """
    with path.open('rb') as file:
        reader = _Reader(file, classes)
        if reader.next() != MAGIC:
            raise pickle.UnpicklingError('no torch file')
        reader.next(), reader.next()
        content = reader.next()
        for key in reader.next():
            reader.storages[key].fill(file)
    return _resolve(content, seen=set())


class _Storage:
    """Values that come after the pickles."""

    def __init__(self, dtype: torch.dtype, count: int):
        self.dtype, self.count = dtype, count
        self.values = torch.empty(0, dtype=dtype)

    def fill(self, file: BinaryIO) -> None:
        count = int.from_bytes(file.read(8), 'little')
        raw = bytearray(file.read(count * self.dtype.itemsize))
        if count != self.count or len(raw) != count * self.dtype.itemsize:
            raise pickle.UnpicklingError('truncated')
        self.values = torch.frombuffer(raw, dtype=self.dtype) if count else self.values


class _View:
    """A tensor to be: part of a storage."""

    def __init__(self, storage: _Storage, offset: int, size: tuple, stride: tuple, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def tensor(self) -> Tensor:
        return self.storage.values.as_strided(self.size, self.stride, self.offset).clone()


class _Reader:
    """Reads the pickles of one file in a row; they share their storages."""

    def __init__(self, file: BinaryIO, classes: list[type]):
        self.file = file
        self.storages: dict[str, _Storage] = {}
        self.known: dict[str, Any] = {f'{cls.__module__}.{cls.__name__}': cls for cls in classes}
        self.known |= _DTYPES
        self.known |= {'collections.OrderedDict': OrderedDict, '__builtin__.set': set, 'builtins.set': set}
        self.known |= {'torch.device': _nothing, 'torch._utils._rebuild_tensor_v2': _View}
        self.known |= {'torch._utils._rebuild_parameter': _first}

    def next(self) -> Any:
        return _Unpickler(self).load()

    def storage(self, dtype: torch.dtype, key: str, count: int) -> _Storage:
        return self.storages.setdefault(key, _Storage(dtype, count))


class _Unpickler(pickle.Unpickler):
    def __init__(self, reader: _Reader):
        super().__init__(reader.file)
        self.reader = reader

    def find_class(self, module: str, name: str) -> Any:
        if f'{module}.{name}' not in self.reader.known:
            raise pickle.UnpicklingError(f'GLOBAL {module}.{name}')
        return self.reader.known[f'{module}.{name}']

    def persistent_load(self, reference: Any) -> Any:
        kind, value, *rest = reference
        if kind == 'module':
            return value
        key, _, count, view = rest
        if kind != 'storage' or not isinstance(value, torch.dtype) or view is not None:
            raise pickle.UnpicklingError('unknown reference')
        return self.reader.storage(value, key, count)


def _nothing(*_) -> None:
    return None


def _first(value: Any, *_) -> Any:
    return value


def _resolve(value: Any, seen: set[int]) -> Any:
    """The object with tensors in the place of views, in its dictionaries and in the attributes of its modules."""
    if isinstance(value, _View):
        return value.tensor()
    table = value if isinstance(value, dict) else getattr(value, '__dict__', None)
    if isinstance(table, dict) and id(table) not in seen:
        seen.add(id(table))
        table.update({name: _resolve(inner, seen) for name, inner in table.items()})
    return value
