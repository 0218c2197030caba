"""A small image set that is drawn, not downloaded: for the demo and for tests, in the formats of real sets on disk.

Eight classes of shapes, at random places, sizes, tilts and colours on shaded grounds. What tells the classes apart is
form alone. Every image follows from (seed, split, number).
"""

import io
import math
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pretrain.data.card import CARD_FILE, DatasetCard
from pretrain.data.drawn import draw_once

SIZE = 48
CLASSES = ('bars', 'cross', 'disc', 'ring', 'square', 'star', 'triangle', 'wave')
SPLITS = {'unlabelled': 0, 'train': 1, 'val': 2}
OVERSAMPLING = 4


def draw(name: str, rng: np.random.Generator, size: int = SIZE) -> Image.Image:
    """One RGB image of a class."""
    big = size * OVERSAMPLING
    background = ground(rng, big)
    image = Image.fromarray(background)
    layer = Image.new('L', (big, big), 0)
    pen = ImageDraw.Draw(layer)
    radius = big * rng.uniform(0.28, 0.42)
    x, y = rng.uniform(radius, big - radius, 2)
    shape(name, pen, x, y, radius, rng.uniform(-0.3, 0.3))
    opposite = 255 * (background.mean((0, 1)) < 128)  # far from the ground, so that the shape is always seen
    colour = tuple(int(c) for c in 0.7 * opposite + 0.3 * rng.uniform(0, 255, 3))
    image.paste(Image.new('RGB', image.size, colour), mask=layer)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def write_set(folder: Path, unlabelled: int, train: int, val: int, seed: int = 0) -> Path:
    """Write the set, once: `unlabelled/shard-000.tar` in webdataset layout, and class folders `train/`, `val/`.

    Args:
        unlabelled, train, val: images of each part; the classes take turns.
    """
    settings = {'unlabelled': unlabelled, 'train': train, 'val': val, 'seed': seed, 'size': SIZE}

    def files(folder: Path) -> None:
        (folder / 'unlabelled').mkdir()
        with tarfile.open(folder / 'unlabelled' / 'shard-000.tar', 'w') as shard:
            for i in range(unlabelled):
                data = _jpeg('unlabelled', i, seed)
                member = tarfile.TarInfo(f'{i:06d}.jpg')
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
        for split, count in (('train', train), ('val', val)):
            for i in range(count):
                path = folder / split / CLASSES[i % len(CLASSES)] / f'{i:06d}.jpg'
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_jpeg(split, i, seed))
        DatasetCard('procedural shapes', 3, (0.5,) * 3, (0.25,) * 3, unlabelled + train + val, CLASSES).save(folder)

    return draw_once(folder, settings, (*SPLITS, CARD_FILE), files)


def _jpeg(split: str, number: int, seed: int) -> bytes:
    rng = np.random.default_rng([seed, SPLITS[split], number])
    buffer = io.BytesIO()
    draw(CLASSES[number % len(CLASSES)], rng).save(buffer, 'JPEG', quality=92)
    return buffer.getvalue()


def ground(rng: np.random.Generator, size: int) -> np.ndarray:
    """A gradient between two near colours with faint waves across it, uint8 `(size, size, 3)`."""
    y, x = np.mgrid[0:size, 0:size] / size
    angle, steps = rng.uniform(0, 2 * math.pi), rng.uniform(2, 6)
    along = (x * math.cos(angle) + y * math.sin(angle))[..., None]
    colour = rng.uniform(0, 255, 3)
    shade = colour + rng.uniform(-60, 60, 3) * along
    return np.clip(shade + rng.uniform(0, 15) * np.sin(2 * math.pi * steps * along), 0, 255).astype(np.uint8)


def shape(name: str, pen: ImageDraw.ImageDraw, x: float, y: float, r: float, turn: float) -> None:
    def around(radii, count):
        return [
            (x + radii[i % len(radii)] * math.cos(turn + 2 * math.pi * i / count),
             y + radii[i % len(radii)] * math.sin(turn + 2 * math.pi * i / count))
            for i in range(count)
        ]  # fmt: skip

    def bar(offset, half_length, half_width, turn=turn):
        along, across = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
        corners = [(-half_length, offset - half_width), (half_length, offset - half_width)]
        corners += [(half_length, offset + half_width), (-half_length, offset + half_width)]
        pen.polygon(
            [(x + a * along[0] + b * across[0], y + a * along[1] + b * across[1]) for a, b in corners], fill=255
        )

    box = (x - r, y - r, x + r, y + r)
    if name == 'disc':
        pen.ellipse(box, fill=255)
    elif name == 'ring':
        pen.ellipse(box, outline=255, width=int(r * 0.35))
    elif name == 'square':
        pen.polygon(around([r], 4), fill=255)
    elif name == 'triangle':
        pen.polygon(around([r], 3), fill=255)
    elif name == 'star':
        pen.polygon(around([r, r * 0.4], 10), fill=255)
    elif name == 'bars':
        for offset in (-0.7, 0, 0.7):
            bar(offset * r, r, r * 0.18)
    elif name == 'cross':
        bar(0, r, r * 0.22)
        bar(0, r, r * 0.22, turn + math.pi / 2)
    else:
        xs = np.linspace(-r, r, 40)
        points = [(x + a, y + 0.45 * r * math.sin(3 * math.pi * a / r + turn)) for a in xs]
        pen.line(points, fill=255, width=int(r * 0.3), joint='curve')
