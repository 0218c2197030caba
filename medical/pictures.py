"""Pictures of slices with truth and prediction, so that a person can see what a model finds."""

import colorsys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from medical.datasets import VolumeDataset

TILE = 200
"""Pixels of the longer side of a slice in a picture."""
GAP, LINE = 4, 14
OPACITY = 0.5


@torch.no_grad()
def write_pictures(folder: Path, dataset: VolumeDataset, model: nn.Module, count: int) -> None:
    """Write `count` evenly spaced volumes as PNG files, named after their images.

    One row per axis, cut where the most voxels of organs lie; columns: image, truth, prediction. Millimetres have the
    same length in both directions. The model's mode is put back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = model.training
    model.eval()
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int)):
        sample = dataset[int(index)]
        organs = [i for i, name in enumerate(model.organs) if name != model.classes[0]]
        truth = model.masks_of(sample['label'][None])[0, organs].cpu().numpy()
        found = model.segment(sample['image'])[organs].numpy()
        names = [model.organs[i] for i in organs]
        sheet = draw(sample['image'][0].numpy(), truth, found, names, sample['spacing'].tolist())
        stem = Path(dataset.name(int(index))).name.split('.')[0]
        sheet.save(folder / f'{int(index):04d}_{stem}.png')
    model.train(training)


def draw(
    image: np.ndarray, truth: np.ndarray, found: np.ndarray, organs: list[str], spacing: list[float]
) -> Image.Image:
    """One sheet of an image `(D, H, W)` and its masks `(organs, D, H, W)`."""
    low, high = np.percentile(image, (1, 99))
    pixels = np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255
    colours = [np.array(colorsys.hsv_to_rgb((i * 0.618034) % 1, 0.9, 1.0)) * 255 for i in range(len(organs))]
    held = truth.any(0) if truth.any() else np.ones(image.shape, bool)
    rows = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        at = int(held.sum(others).argmax())
        plane = np.repeat(np.take(pixels, at, axis)[..., None], 3, -1)
        tiles = [plane, *(overlay(plane, np.take(masks, at, axis + 1), colours) for masks in (truth, found))]
        # The first remaining axis runs to the right and the last one upwards: feet below, back to the left.
        extent = [plane.shape[i] * spacing[others[i]] for i in range(2)]
        size = tuple(max(1, round(TILE * side / max(extent))) for side in extent)
        rows.append(
            [
                Image.fromarray(np.rot90(t).round().astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
                for t in tiles
            ]
        )
    width = 3 * max(row[0].width for row in rows) + 4 * GAP
    height = sum(row[0].height + GAP for row in rows) + LINE * (1 + len(organs)) + 2 * GAP
    sheet = Image.new('RGB', (max(width, 320), height), 'white')
    pen = ImageDraw.Draw(sheet)
    column = (width - GAP) // 3
    for i, title in enumerate(('image', 'truth', 'prediction')):
        pen.text((GAP + i * column, 1), title, fill='black')
    top = LINE + GAP
    for row in rows:
        for i, tile in enumerate(row):
            sheet.paste(tile, (GAP + i * column, top))
        top += row[0].height + GAP
    for organ, colour in zip(organs, colours, strict=True):
        pen.rectangle((GAP, top, GAP + 9, top + 9), fill=tuple(colour.astype(int).tolist()), outline='black')
        pen.text((GAP + 14, top - 1), organ, fill='black')
        top += LINE
    return sheet


def overlay(pixels: np.ndarray, masks: np.ndarray, colours: list[np.ndarray]) -> np.ndarray:
    """Pixels `(H, W, 3)` tinted where a mask of `(organs, H, W)` holds."""
    mixed = pixels.copy()
    for mask, colour in zip(masks, colours, strict=True):
        mixed[mask] = (1 - OPACITY) * mixed[mask] + OPACITY * colour
    return mixed
