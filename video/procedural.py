"""A small set of clips that is drawn, not downloaded, and encoded as real mp4 files: for the demo and for tests.

The class is the motion of a shape, so that one frame alone does not tell it. Every clip follows from (seed, part,
number).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pretrain.data.drawn import draw_once
from pretrain.data.procedural import CLASSES as SHAPES
from pretrain.data.procedural import shape
from video.encode import write_video

MOTIONS = {
    'left': (-1, 0, 0),
    'right': (1, 0, 0),
    'up': (0, -1, 0),
    'down': (0, 1, 0),
    'grow': (0, 0, 1),
    'shrink': (0, 0, -1),
}
"""Direction along x and y, and of the size."""
PARTS = {'unlabelled': 0, 'train': 1, 'val': 2}


def frames(motion: str, rng: np.random.Generator, count: int = 16, size: int = 64) -> Iterator[np.ndarray]:
    """uint8 frames `(size, size, 3)` of a bright shape of random kind, colour and place that moves over plain dark."""
    background = np.broadcast_to(rng.uniform(0, 50, 3), (size, size, 3)).astype(np.uint8)
    colour = tuple(int(c) for c in rng.uniform(150, 255, 3))
    kind, turn = SHAPES[int(rng.integers(len(SHAPES)))], rng.uniform(-0.3, 0.3)
    dx, dy, growth = MOTIONS[motion]
    radius, travel = size * rng.uniform(0.16, 0.24), size * rng.uniform(0.3, 0.45)
    middle = size / 2 + rng.uniform(-0.1, 0.1, 2) * size
    for i in range(count):
        done = i / (count - 1) - 0.5
        image = Image.fromarray(background)
        x, y = middle + done * travel * np.array([dx, dy])
        shape_radius = radius * (1 + 1.2 * growth * done)
        layer = Image.new('L', (size, size), 0)
        shape(kind, ImageDraw.Draw(layer), float(x), float(y), float(shape_radius), turn)
        image.paste(Image.new('RGB', image.size, colour), mask=layer)
        yield np.clip(np.asarray(image) + rng.normal(0, 1, (size, size, 3)), 0, 255).astype(np.uint8)


def write_set(
    folder: Path, unlabelled: int, train: int, val: int, seed: int = 0, size: int = 64, count: int = 16
) -> Path:
    """Write the set, once: `unlabelled/*.mp4` and class folders `train/`, `val/`; the motions take turns."""
    settings = {'unlabelled': unlabelled, 'train': train, 'val': val, 'seed': seed, 'size': size, 'frames': count}

    def files(folder: Path) -> None:
        names = list(MOTIONS)
        for part, number in (('unlabelled', unlabelled), ('train', train), ('val', val)):
            for i in range(number):
                motion = names[i % len(names)]
                rng = np.random.default_rng([seed, PARTS[part], i])
                below = Path(part) if part == 'unlabelled' else Path(part) / motion
                write_video(folder / below / f'{i:05d}.mp4', frames(motion, rng, count, size))

    return draw_once(folder, settings, tuple(PARTS), files)
