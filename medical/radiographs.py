"""Procedural grey images of two classes in MedMNIST's layout: a chest-like field, in one class with bright patches."""

from pathlib import Path

import numpy as np

from pretrain.files import atomic

PARTS = {'train': 0, 'val': 1, 'test': 2}


def write_radiographs(path: str | Path, train: int = 512, val: int = 128, side: int = 28, seed: int = 0) -> Path:
    """Write an `.npz` with `{train,val,test}_images` uint8 `(N, side, side)` and `_labels` uint8 `(N, 1)`; its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part, number in PARTS.items():
        count = {'train': train}.get(part, val)
        rng = np.random.default_rng([seed, number])
        labels = rng.integers(0, 2, count)
        arrays[f'{part}_images'] = np.stack([draw_radiograph(rng, side, bool(label)) for label in labels])
        arrays[f'{part}_labels'] = labels[:, None].astype(np.uint8)
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, **arrays)
    return path


def draw_radiograph(rng: np.random.Generator, side: int, opacity: bool) -> np.ndarray:
    """Two dark lungs in a bright field with noise; with `opacity`, two to four soft bright spots inside them."""
    y, x = np.meshgrid(*2 * [np.linspace(-1, 1, side)], indexing='ij')
    shift = rng.uniform(-0.08, 0.08, 2)
    lungs = np.zeros((side, side))
    for centre in (-0.42, 0.42):
        lungs += (((x - centre - shift[0]) / 0.3) ** 2 + ((y - shift[1]) / 0.62) ** 2) < 1
    values = 165 - 85 * lungs + 25 * y
    for _ in range(rng.integers(2, 5) if opacity else 0):
        spot = (rng.choice([-0.42, 0.42]) + rng.uniform(-0.15, 0.15), rng.uniform(-0.35, 0.35))
        values += 55 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 0.025) * lungs
    return (values + rng.normal(0, 14, (side, side))).clip(0, 255).astype(np.uint8)
