"""Drawn scenes of several shapes, with a mask for each: detection and segmentation data for the demo and for tests.

The shapes and grounds are those of `procedural.py`. One folder serves both tasks: COCO annotations beside folders of
images and of masks with one class index per pixel.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pretrain.data.drawn import draw_once
from pretrain.data.procedural import OVERSAMPLING, ground, shape

SIZE = 64
CLASSES = ('cross', 'disc', 'ring', 'triangle')
SPLITS = {'train': 3, 'val': 4}
"""Numbers that the single images of `procedural.py` do not use."""
LEAST_VISIBLE = 0.4
"""A shape that would leave less than this share of an earlier one visible is not drawn."""


def draw_scene(rng: np.random.Generator, size: int = SIZE) -> tuple[Image.Image, list[tuple[int, np.ndarray]]]:
    """An RGB image of two to four shapes, and of each its class and visible pixels, bool `(size, size)`."""
    big = size * OVERSAMPLING
    background = ground(rng, big)
    image = Image.fromarray(background)
    found: list[tuple[int, np.ndarray]] = []
    for _ in range(rng.integers(2, 5)):
        kind = int(rng.integers(len(CLASSES)))
        layer = Image.new('L', (big, big), 0)
        radius = big * rng.uniform(0.12, 0.22)
        x, y = rng.uniform(radius, big - radius, 2)
        shape(CLASSES[kind], ImageDraw.Draw(layer), x, y, radius, rng.uniform(-0.3, 0.3))
        mask = np.asarray(layer.resize((size, size), Image.Resampling.BOX)) > 127
        opposite = 255 * (background.mean((0, 1)) < 128)
        colour = tuple(int(c) for c in 0.6 * opposite + 0.4 * rng.uniform(0, 255, 3))
        if any((before & ~mask).sum() < LEAST_VISIBLE * before.sum() for _, before in found):
            continue
        found = [*((k, before & ~mask) for k, before in found), (kind, mask)]
        image.paste(Image.new('RGB', image.size, colour), mask=layer)
    return image.resize((size, size), Image.Resampling.LANCZOS), found


def write_scenes(folder: Path, train: int, val: int, seed: int = 0, size: int = SIZE) -> Path:
    """Write the set, once: `annotations/instances_{part}.json`, `{part}/images/`, `{part}/masks/` and `classes.txt`.

    Args:
        train, val: scenes of each part. In the masks 0 is the ground and class i of the annotations is i.
    """
    settings = {'train': train, 'val': val, 'seed': seed, 'size': size}

    def files(folder: Path) -> None:
        (folder / 'annotations').mkdir()
        (folder / 'classes.txt').write_text('\n'.join(['ground', *CLASSES]) + '\n')
        for part, count in (('train', train), ('val', val)):
            images: list[dict] = []
            annotations: list[dict] = []
            for kind in ('images', 'masks'):
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                image, found = draw_scene(np.random.default_rng([seed, SPLITS[part], i]), size)
                name = f'{part}/images/{i:06d}.jpg'
                image.save(folder / name, quality=92)
                images.append({'id': i + 1, 'file_name': name, 'height': size, 'width': size})
                labels = np.zeros((size, size), np.uint8)
                for k, mask in found:
                    labels[mask] = k + 1
                    annotations.append(_annotation(len(annotations) + 1, i + 1, k + 1, mask))
                Image.fromarray(labels).save(folder / part / 'masks' / f'{i:06d}.png')
            categories = [{'id': k + 1, 'name': name} for k, name in enumerate(CLASSES)]
            text = json.dumps({'images': images, 'annotations': annotations, 'categories': categories})
            (folder / 'annotations' / f'instances_{part}.json').write_text(text)

    return draw_once(folder, settings, ('annotations', 'classes.txt', *SPLITS), files)


def _annotation(number: int, image: int, category: int, mask: np.ndarray) -> dict:
    ys, xs = np.nonzero(mask)
    left, top = int(xs.min()), int(ys.min())
    return {
        'id': number,
        'image_id': image,
        'category_id': category,
        'iscrowd': 0,
        'area': int(mask.sum()),
        'bbox': [left, top, int(xs.max()) + 1 - left, int(ys.max()) + 1 - top],
        'segmentation': {'size': list(mask.shape), 'counts': _run_lengths(mask)},
    }


def _run_lengths(mask: np.ndarray) -> list[int]:
    """COCO's uncompressed runs: lengths of zeros and ones in turn, down the columns, zeros first."""
    flat = np.concatenate([[0], mask.T.ravel().astype(np.int8)])
    changes = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
