"""Small drawn scenes with their masks, in the layouts that the data sets expect."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ('sky', 'grass', 'block')
COLOURS = np.array([[40, 40, 200], [40, 160, 40], [200, 60, 40]])
IGNORED = 255


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image uint8 `(H, W, 3)` and its class indices: a block on grass below the sky, 255 in the first two rows."""
    height, width = rng.integers((40, 44), (64, 80))
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 :] = 1
    left = rng.integers(0, width // 2)
    mask[6 : height - 6, left : left + width // 3] = 2
    image = COLOURS[mask] + rng.integers(0, 50, (height, width, 3))
    mask[:2] = IGNORED
    return image.astype(np.uint8), mask


def write(image: np.ndarray, mask: np.ndarray, image_path: Path, mask_path: Path) -> None:
    for path, pixels in ((image_path, image), (mask_path, mask)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def write_folder(root: Path, count: int, seed: int = 0, labels: tuple = (0, 1, 2, 255)) -> Path:
    """`images/`, `masks/` and `classes.txt`; `labels` are what masks hold for the three classes and the ignored."""
    rng = np.random.default_rng(seed)
    table = np.zeros(256, np.uint8)
    table[[0, 1, 2, IGNORED]] = labels
    for i in range(count):
        image, mask = scene(rng)
        write(image, table[mask], root / 'images' / f'{i:03d}.jpg', root / 'masks' / f'{i:03d}.png')
    (root / 'classes.txt').write_text('\n'.join(CLASSES))
    return root


def write_named(root: Path, images: str, masks: str, image_end: str, mask_end: str, names: list[str], top: int) -> None:
    """Scenes in the layout of a named data set, with labels up to `top`."""
    rng = np.random.default_rng(0)
    for name in names:
        image, mask = scene(rng)
        mask[3, :3] = top
        write(image, mask, root / images / f'{name}{image_end}', root / masks / f'{name}{mask_end}')
