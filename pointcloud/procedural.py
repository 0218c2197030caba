"""Clouds of simple solids in the real file formats, for the demo; nothing to report scores on."""

import json
from pathlib import Path

import h5py
import numpy as np

from pretrain.data.drawn import draw_once

KINDS = ('box', 'cone', 'cylinder', 'sphere', 'torus')
NAMES = ('unlabelled', 'train', 'val', 'train.h5', 'val.h5', 'classes.txt', 'parts')


def solid(kind: str, rng: np.random.Generator, count: int = 1024) -> np.ndarray:
    """`(count, 3)` points on a solid of random proportions, y up, turned around y, with a little noise."""
    u, v = rng.random(count), rng.random(count)
    turn = 2 * np.pi * u
    if kind == 'sphere':
        y = 2 * v - 1
        r = np.sqrt(1 - y**2)
    elif kind == 'cylinder':
        cap = rng.random(count) < 0.3
        r, y = np.where(cap, np.sqrt(rng.random(count)), 1.0), np.where(cap, np.sign(v - 0.5), 2 * v - 1)
    elif kind == 'cone':
        r = np.sqrt(v)
        y = np.where(rng.random(count) < 0.3, -1.0, 1 - 2 * r)
    elif kind == 'torus':
        tube = rng.uniform(0.2, 0.45)
        r, y = 1 + tube * np.cos(2 * np.pi * v), tube * np.sin(2 * np.pi * v)
    elif kind == 'box':
        points = rng.uniform(-1, 1, (count, 3))
        axis = rng.integers(0, 3, count)
        points[np.arange(count), axis] = np.sign(points[np.arange(count), axis])
        r, y = None, None
    else:
        raise ValueError(f'{kind!r} is none of {", ".join(KINDS)}')
    if kind != 'box':
        points = np.stack([r * np.cos(turn), y, r * np.sin(turn)], axis=1)
    points = points * rng.uniform(0.6, 1.4, 3)
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    points = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return (points + rng.normal(scale=0.02, size=points.shape)).astype(np.float32)


def mug(rng: np.random.Generator, count: int = 1024) -> np.ndarray:
    """`(count, 4)`: xyz and part, 36 the handle and 37 the body, as ShapeNetPart numbers them."""
    handle = rng.random(count) < 0.2
    body = solid('cylinder', rng, count) * (1, 1.3, 1)
    angle, tube = rng.uniform(-np.pi / 2, np.pi / 2, count), rng.uniform(0, 2 * np.pi, count)
    r = 0.6 + 0.1 * np.cos(tube)
    ring = np.stack([0.9 + r * np.cos(angle), r * np.sin(angle), 0.1 * np.sin(tube)], axis=1)
    return np.column_stack([np.where(handle[:, None], ring, body), np.where(handle, 36, 37)])


def table(rng: np.random.Generator, count: int = 1024) -> np.ndarray:
    """`(count, 4)`: 47 the top, 48 the legs, 49 a shelf, which not every table has."""
    part = rng.choice([47, 48, 49], count, p=[0.5, 0.3, 0.2] if rng.random() < 0.5 else [0.6, 0.4, 0.0])
    points = rng.uniform(-1, 1, (count, 3)) * (1, 0.03, 0.7)
    points[:, 1] += np.select([part == 47, part == 49], [0.8, -0.2], 0)
    leg = part == 48
    corner = rng.choice([-0.9, 0.9], (count, 2)) + rng.normal(scale=0.03, size=(count, 2))
    points[leg] = np.column_stack([corner[:, 0], rng.uniform(-0.9, 0.8, count), 0.7 * corner[:, 1]])[leg]
    return np.column_stack([points * rng.uniform(0.8, 1.2, 3), part])


def write_demo(folder: str | Path, unlabelled: int = 200, train: int = 24, val: int = 8, seed: int = 0) -> Path:
    """Write the set, once: `unlabelled/` (.npy), `train/` and `val/` (class folders of .xyz, .ply, .off, .npy, .txt),
    `train.h5` and `val.h5` (ScanObjectNN's form), `classes.txt` and `parts/` (ShapeNetPart's layout); the folder.

    Args:
        train, val: clouds of each class.
    """
    settings = {'unlabelled': unlabelled, 'train': train, 'val': val, 'seed': seed}

    def files(folder: Path) -> None:
        rng = np.random.default_rng(seed)
        (folder / 'unlabelled').mkdir()
        for i in range(unlabelled):
            np.save(folder / 'unlabelled' / f'{i:04d}.npy', solid(KINDS[i % len(KINDS)], rng))
        for part, number in (('train', train), ('val', val)):
            clouds, labels = [], []
            for label, kind in enumerate(KINDS):
                (folder / part / kind).mkdir(parents=True)
                for i in range(number):
                    clouds.append(solid(kind, rng))
                    labels.append(label)
                    _write(folder / part / kind / f'{i:04d}', clouds[-1], i)
            with h5py.File(folder / f'{part}.h5', 'w') as file:
                file['data'], file['label'] = np.stack(clouds), np.array(labels, dtype=np.int64)
        (folder / 'classes.txt').write_text('\n'.join(KINDS) + '\n')
        _write_parts(folder / 'parts', rng, {'train': train, 'val': 2, 'test': val})

    return draw_once(folder, settings, NAMES, files)


def _write(stem: Path, points: np.ndarray, number: int) -> None:
    """One of the formats by turns."""
    rows = '\n'.join(f'{x:.5f} {y:.5f} {z:.5f}' for x, y, z in points)
    kind = ('.xyz', '.ply', '.off', '.npy', '.txt')[number % 5]
    path = stem.with_suffix(kind)
    if kind == '.npy':
        np.save(path, points)
    elif kind == '.ply':
        head = f'ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n'
        head += ''.join(f'property float {axis}\n' for axis in 'xyz') + 'end_header\n'
        path.write_bytes(head.encode() + points.astype('<f4').tobytes())
    elif kind == '.off':
        path.write_text(f'OFF\n{len(points)} 0 0\n{rows}\n')
    else:
        path.write_text((rows if kind == '.xyz' else rows.replace(' ', ',')) + '\n')


def _write_parts(root: Path, rng: np.random.Generator, counts: dict[str, int]) -> None:
    makers = {'03797390': ('Mug', mug), '04379243': ('Table', table)}
    (root / 'train_test_split').mkdir(parents=True, exist_ok=True)
    (root / 'synsetoffset2category.txt').write_text(''.join(f'{name}\t{s}\n' for s, (name, _) in makers.items()))
    for split, number in counts.items():
        entries = []
        for synset, (_, make) in makers.items():
            (root / synset).mkdir(exist_ok=True)
            for i in range(number):
                cloud = make(rng)
                rows = np.column_stack([cloud[:, :3], np.zeros((len(cloud), 3)), cloud[:, 3]])
                np.savetxt(root / synset / f'{split}{i:04d}.txt', rows, fmt='%.5f')
                entries.append(f'shape_data/{synset}/{split}{i:04d}')
        (root / 'train_test_split' / f'shuffled_{split}_file_list.json').write_text(json.dumps(entries))
