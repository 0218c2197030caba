"""Images in Parquet files, as Hugging Face data sets store them."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from pretrain.data.sources.base import existing, read_file
from pretrain.data.sources.tar import expand_shards
from pretrain.errors import DataError, UserError
from pretrain.files import atomic
from pretrain.registry import DATASETS

_ROWS = 64
"""Rows per record batch of the cache: images are found by division, and building holds few of them in memory."""
_CACHE_VERSION = 2


@DATASETS.register_module()
class ParquetSource:
    """Rows with an image column: `struct{bytes, path}` (Hugging Face `Image`) or plain binary, and maybe a label.

    Args:
        files: a path, glob or brace pattern, or a list of those.
        image, label: column names; a data set without the label column has no labels. A label column that is only in
            some files, of text, or with gaps is a DataError of `label`, so that who wants no labels can go on.
        root: folder of the images of rows that hold a path instead of bytes; by default that of the first file.
        cache_dir: where the random-access copy goes; by default `$MIMBENCH_CACHE`, else `~/.cache/mimbench`.

    Parquet pages are compressed and large, so one random row would cost a whole row group. The rows are therefore
    copied once to an uncompressed Arrow file, which is memory-mapped. The copy is named by the path, size and
    modification time of every file, is written under a lock and appears atomically. It needs about as much disk space
    as the Parquet files. Class names come from the Hugging Face schema if it has them. Needs pyarrow (UserError).
    """

    def __init__(
        self,
        files: str | Path | Sequence,
        image: str = 'image',
        label: str = 'label',
        root: str | Path | None = None,
        cache_dir: str | Path | None = None,
    ):
        _pyarrow()
        self._files = [os.path.abspath(f) for f in expand_shards(files)]
        self.root = str(existing(root, 'root folder')) if root is not None else os.path.dirname(self._files[0])
        self.cache = _cached_copy(self._files, image, label, Path(cache_dir or _default_cache_dir()))
        self._reader = None
        meta = json.loads(self._open().schema.metadata[b'mimbench'])
        self.classes: list[str] | None = meta['classes']
        self._why_no_label: str | None = meta['why_no_label']
        self._ends = np.cumsum(meta['rows'], dtype=np.int64)
        self._labels = self._read_labels() if meta['labels'] else None
        if len(self) == 0:
            raise DataError(f'no row in parquet files {files!r}')

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_reader': None}

    def __len__(self) -> int:
        return int(self._ends[-1])

    def name(self, i: int) -> str:
        number = int(np.searchsorted(self._ends, i, side='right'))
        return f'{self._files[number]}:{i - (int(self._ends[number - 1]) if number else 0)}'

    def read(self, i: int) -> bytes | np.ndarray:
        batch = self._open().get_batch(i // _ROWS)
        data = batch.column('bytes')[i % _ROWS].as_py()
        if data is not None:
            return data
        path = batch.column('path')[i % _ROWS].as_py()
        if path is None:
            raise ValueError('the row has neither image bytes nor a path')
        return read_file(os.path.join(self.root, path))

    def label(self, i: int) -> int | None:
        if self._why_no_label:
            raise DataError(self._why_no_label)
        return None if self._labels is None else int(self._labels[i])

    def _open(self):
        if self._reader is None:
            pa = _pyarrow()
            self._reader = pa.ipc.open_file(pa.memory_map(str(self.cache)))
        return self._reader

    def _read_labels(self) -> np.ndarray:
        reader = self._open()
        columns = [reader.get_batch(b).column('label') for b in range(reader.num_record_batches)]
        return np.concatenate([c.to_numpy(zero_copy_only=False) for c in columns]).astype(np.int64)


def _pyarrow() -> ModuleType:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError('parquet image sets need pyarrow, which is missing; run: uv pip install pyarrow') from error
    return pyarrow


def _default_cache_dir() -> str:
    return os.environ.get('MIMBENCH_CACHE') or os.path.expanduser('~/.cache/mimbench')


def _identity(files: list[str], image: str, label: str) -> str:
    stats = [(f, os.stat(f).st_size, os.stat(f).st_mtime_ns) for f in files]
    return hashlib.sha256(json.dumps([_CACHE_VERSION, image, label, stats]).encode()).hexdigest()[:32]


def _cached_copy(files: list[str], image: str, label: str, folder: Path) -> Path:
    """The Arrow copy of `files`, built when it is not there. Processes that want the same one wait for its builder."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f'images-{_identity(files, image, label)}.arrow'
    if target.exists():
        return target
    with open(target.with_suffix('.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(files, image, label, target)
    return target


def _build(files: list[str], image: str, label: str, target: Path) -> None:
    pa = _pyarrow()
    readers = [_open_parquet(file, image) for file in files]
    why_no_label = _why_no_label(pa, files, readers, label)
    labels = [label] if why_no_label is None and label in readers[0].schema_arrow.names else []
    meta = {
        'rows': [reader.metadata.num_rows for reader in readers],
        'labels': bool(labels),
        'why_no_label': why_no_label,
        'classes': _class_names(readers[0].schema_arrow.metadata, label),
    }
    fields = [('bytes', pa.large_binary()), ('path', pa.string())] + [('label', pa.int64()) for _ in labels]
    schema = pa.schema(fields, metadata={b'mimbench': json.dumps(meta).encode()})
    with atomic(target) as temporary, pa.OSFile(str(temporary), 'wb') as sink, pa.ipc.new_file(sink, schema) as writer:
        for table in _regroup(pa, files, readers, image, labels, schema):
            writer.write_table(table, max_chunksize=_ROWS)


def _why_no_label(pa: ModuleType, files: list[str], readers: list, label: str) -> str | None:
    """What is wrong with the labels; None where all rows have an integer one or no file has the column."""
    having = [label in reader.schema_arrow.names for reader in readers]
    if not any(having):
        return None
    if not all(having):
        return (
            f'parquet file {files[having.index(False)]!r} has no column {label!r}, {files[having.index(True)]!r} has; '
            'label all files or none'
        )
    for file, reader in zip(files, readers, strict=True):
        column = reader.read(columns=[label]).column(label)
        if column.null_count:
            return f'{column.null_count} of {len(column)} rows of {file!r} have no {label!r}; label all rows or none'
        try:
            column.cast(pa.int64())
        except pa.ArrowException as error:
            return (
                f'column {label!r} of parquet file {file!r} holds {column.type}, expected integer classes: '
                f'{" ".join(str(error).split())[:100]}; name another one with source.label=COLUMN'
            )
    return None


def _open_parquet(file: str, image: str):
    pa = _pyarrow()
    try:
        reader = pa.parquet.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f'parquet file {file!r} cannot be read: {error}') from error
    if image not in reader.schema_arrow.names:
        names = ', '.join(reader.schema_arrow.names)
        raise DataError(f'parquet file {file!r} has no column {image!r}; it has {names}')
    return reader


def _regroup(pa: ModuleType, files: list[str], readers: list, image: str, labels: list[str], schema) -> Iterator:
    """All rows in tables of exactly `_ROWS` rows (the last may be shorter), across files and row groups."""
    pending = schema.empty_table()
    for file, reader in zip(files, readers, strict=True):
        for batch in reader.iter_batches(batch_size=_ROWS, columns=[image, *labels]):
            column = batch.column(image)
            if pa.types.is_struct(column.type):
                names = [field.name for field in column.type]
                parts = [column.field(n) if n in names else pa.nulls(len(column)) for n in ('bytes', 'path')]
            else:
                parts = [column, pa.nulls(len(column))]
            parts += [batch.column(name) for name in labels]
            try:
                columns = [part.cast(field.type) for part, field in zip(parts, schema, strict=True)]
            except pa.ArrowException as error:
                raise DataError(
                    f'column {image!r} of parquet file {file!r} holds {column.type}, expected encoded images or paths; '
                    'name another one with source.image=COLUMN'
                ) from error
            pending = pa.concat_tables([pending, pa.table(columns, schema=schema)])
            while len(pending) >= _ROWS:
                yield pending.slice(0, _ROWS).combine_chunks()
                pending = pending.slice(_ROWS)
    if len(pending):
        yield pending.combine_chunks()


def _class_names(metadata: dict | None, label: str) -> list[str] | None:
    info = json.loads((metadata or {}).get(b'huggingface', b'{}'))
    return info.get('info', {}).get('features', {}).get(label, {}).get('names')
