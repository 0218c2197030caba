"""Single clouds from files: .npy, .txt, .xyz, .pts, .csv, .off, .ply, .h5. Points are float32 `(N, C)`, xyz first."""

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np

from pretrain.errors import DataError

SURFACE = 8192
"""Points drawn from the faces of a mesh."""


def read_cloud(path: str | Path) -> np.ndarray:
    """The points of a file. Of an .off mesh with faces, points drawn evenly from its surface.

    Raises ValueError or OSError for a damaged or foreign file; `check_cloud` judges the content.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f'{path.suffix or "no suffix"} is no point file; understood are {", ".join(READERS)}')
    if path.stat().st_size == 0:
        raise ValueError('the file is empty (0 bytes)')
    return reader(path)


def is_cloud(name: str) -> bool:
    return Path(name).suffix.lower() in READERS


def check_cloud(points: np.ndarray, least: int = 1) -> np.ndarray:
    """The same points as float32. ValueError for a wrong shape, NaN or infinity, or fewer than `least` points."""
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in 'fiu':
        raise ValueError(f'{points.dtype} of shape {points.shape}, expected numbers (N, 3) or with further columns')
    if len(points) == 0:
        raise ValueError('it holds no points')
    points = points.astype(np.float32)
    wrong = int((~np.isfinite(points)).any(1).sum())
    if wrong:
        raise ValueError(f'{wrong} of {len(points)} points are NaN or infinite')
    if len(points) < least:
        raise ValueError(f'{len(points)} points, but a group needs {least}')
    return points


def damaged(name: str, error: Exception) -> DataError:
    """The error for a cloud that cannot be used, naming it."""
    cause = ' '.join(str(error).split()) or type(error).__name__
    return DataError(f'cloud {name!r} cannot be read: {cause}; replace or remove it')


def _npy(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _text(path: Path) -> np.ndarray:
    """One point a line, numbers separated by blanks, commas or semicolons; lines that begin with # are left out.

    The first line may be the number of the others.
    """
    rows: list[list[float]] = []
    count = None
    for number, line in enumerate(path.read_text(encoding='utf-8-sig', errors='replace').splitlines(), 1):
        words = line.replace(',', ' ').replace(';', ' ').split()
        if not words or words[0].startswith('#'):
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise ValueError(f'line {number} is no list of numbers: {line[:60]!r}') from error
        if len(rows) == 2 and len(rows[0]) == 1 < len(rows[1]):
            count = rows.pop(0)[0]
        if len(rows[-1]) != len(rows[0]):
            raise ValueError(f'line {number} has {len(rows[-1])} numbers, the first has {len(rows[0])}; cut off?')
    if count is not None and len(rows) != count:
        raise ValueError(f'the first line says {count:g} points, {len(rows)} follow; cut off?')
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), -1) if rows else np.empty((0, 3), np.float32)


def _h5(path: Path) -> np.ndarray:
    """One cloud: the entry `data` or `points` `(N, C)`. Files of many clouds are read by H5Source."""
    with h5py.File(path, 'r') as file:
        name = next((n for n in ('data', 'points') if n in file), None)
        if name is None or file[name].ndim != 2:
            shapes = {key: getattr(value, 'shape', 'group') for key, value in file.items()}
            raise ValueError(f"it holds {shapes}; expected 'data' (N, 3) for one cloud")
        return file[name][()]


def _off(path: Path) -> np.ndarray:
    """Vertices, or points of the surface where there are faces. The counts may stand on the first line (ModelNet40).

    Each vertex and each face is a line; what follows on it, such as colours, plays no part.
    """
    text = path.read_text(encoding='utf-8-sig', errors='replace')
    lines = (line.partition('#')[0].split() for line in text.splitlines())
    rows = [words for words in lines if words]
    if not rows or not rows[0][0].upper().startswith('OFF'):
        raise ValueError(f'it begins with {rows[0][0][:20] if rows else ""!r}, not with OFF')
    rest = ([rows[0][0][3:]] if len(rows[0][0]) > 3 else []) + rows[0][1:]
    rows = ([rest] if rest else []) + rows[1:]
    try:
        vertices, faces = int(rows[0][0]), int(rows[0][1])
        corners = np.array([row[:3] for row in rows[1 : 1 + vertices]], dtype=np.float64).reshape(vertices, 3)
        triangles = []
        for row in range(1 + vertices, 1 + vertices + faces):
            size = int(rows[row][0])
            face = [int(word) for word in rows[row][1 : 1 + size]]
            if len(face) < size:
                raise IndexError
            triangles += [(face[0], face[i], face[i + 1]) for i in range(1, size - 1)]
    except (ValueError, IndexError) as error:
        raise ValueError('truncated or malformed OFF: fewer vertices or faces than its counts say') from error
    if not triangles:
        return corners
    mesh = np.asarray(triangles)
    odd = mesh[(mesh < 0) | (mesh >= vertices)]
    if len(odd):
        raise ValueError(f'a face names vertex {odd[0]}, there are {vertices}')
    return sample_surface(corners, mesh, seed=zlib.crc32(path.name.encode()))


def sample_surface(corners: np.ndarray, triangles: np.ndarray, count: int = SURFACE, seed: int = 0) -> np.ndarray:
    """`(count, 3)` points evenly over triangles `(F, 3)` of corners `(V, 3)`; the same for the same seed."""
    a, b, c = (corners[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if not area.sum() > 0:
        raise ValueError('all faces have no area')
    rng = np.random.default_rng(seed)
    face = rng.choice(len(triangles), count, p=area / area.sum())
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - u) * a[face] + u * (1 - v) * b[face] + u * v * c[face]


_PLY_TYPES = {
    'char': 'b',
    'int8': 'b',
    'uchar': 'B',
    'uint8': 'B',
    'short': 'h',
    'int16': 'h',
    'ushort': 'H',
    'uint16': 'H',
    'int': 'i',
    'int32': 'i',
    'uint': 'I',
    'uint32': 'I',
    'float': 'f',
    'float32': 'f',
    'double': 'd',
    'float64': 'd',
}


def _ply(path: Path) -> np.ndarray:
    """The vertices of an ascii or binary PLY, x, y, z first; its faces play no part."""
    data = path.read_bytes()
    head, mark, body = data.partition(b'end_header')
    if not data.startswith(b'ply') or not mark:
        raise ValueError('no PLY header')
    body = body.partition(b'\n')[2]
    lines = [line.split() for line in head.decode('ascii', 'replace').splitlines()]
    kind = next((line[1] for line in lines if line[:1] == ['format']), '')
    elements = [line for line in lines if line[:1] in (['element'], ['property'])]
    if not elements or elements[0][:2] != ['element', 'vertex']:
        raise ValueError('its first element is not vertex')
    count, fields = int(elements[0][2]), []
    for line in elements[1:]:
        if line[0] == 'element':
            break
        if line[1] not in _PLY_TYPES:
            raise ValueError(f'vertex property of type {line[1]!r}')
        fields.append((line[2], _PLY_TYPES[line[1]]))
    names = [name for name, _ in fields]
    if not {'x', 'y', 'z'} <= set(names):
        raise ValueError(f'vertices have {names}, not x, y, z')
    if kind == 'ascii':
        rows = [line.split() for line in body.decode('ascii', 'replace').splitlines() if line.strip()][:count]
        if len(rows) < count or any(len(row) < len(fields) for row in rows):
            raise ValueError(f'truncated: {len(rows)} of {count} vertices')
        table = np.array([row[: len(fields)] for row in rows], dtype=np.float64).reshape(count, len(fields))
    elif kind in ('binary_little_endian', 'binary_big_endian'):
        order = '<' if kind == 'binary_little_endian' else '>'
        layout = np.dtype([(str(i), order + code) for i, (_, code) in enumerate(fields)])
        if layout.itemsize != struct.calcsize(order + ''.join(code for _, code in fields)):
            raise ValueError('vertex layout')
        if len(body) < count * layout.itemsize:
            raise ValueError(f'truncated: {len(body) // layout.itemsize} of {count} vertices')
        rows = np.frombuffer(body, layout, count)
        table = np.stack([rows[str(i)].astype(np.float64) for i in range(len(fields))], axis=1)
    else:
        raise ValueError(f'PLY format {kind!r}')
    place = [names.index(axis) for axis in 'xyz']
    return table[:, place + [i for i in range(len(names)) if i not in place]]


READERS = {
    '.npy': _npy,
    **dict.fromkeys(('.txt', '.xyz', '.pts', '.csv'), _text),
    '.off': _off,
    '.ply': _ply,
    **dict.fromkeys(('.h5', '.hdf5'), _h5),
}
"""By suffix."""
