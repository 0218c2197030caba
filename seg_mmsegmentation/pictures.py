"""Pictures of image, truth and prediction side by side, so that a person can see what a model finds."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from pretrain.data.decode import decode_pil
from pretrain.engine.pictures import side_by_side
from seg_mmsegmentation.data import class_names
from seg_mmsegmentation.labels import IGNORED

SMALLEST, LARGEST = 256, 480
"""Pixels of the longer side of an image in a picture."""
OPACITY = 0.6


@torch.no_grad()
def write_pictures(folder: Path, dataset: Any, model: nn.Module, count: int) -> None:
    """Write `count` evenly spaced images of an OpenMMLabSet as PNG files, named after the images.

    Columns: image, truth, prediction, overlaid with the colours of the data set; ignored regions are hatched in the
    truth. Below: the colour of every class that occurs. The model's mode is put back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = model.training
    model.eval()
    palette = np.array(dataset.metainfo['palette'], np.uint8).reshape(-1, 3)
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int)):
        batch = dataset.collate([dataset[int(index)]])
        (sample,) = model.test_step({key: batch[key] for key in ('inputs', 'data_samples')})
        path = Path(dataset.name(int(index)))
        maps = [x.data[0].cpu().numpy().astype(np.uint8) for x in (sample.gt_sem_seg, sample.pred_sem_seg)]
        sheet = draw(decode_pil(path.read_bytes()), *maps, palette, class_names(dataset))
        sheet.save(folder / f'{int(index):06d}_{path.stem}.png')
    model.train(training)


def draw(
    image: Image.Image, truth: np.ndarray, prediction: np.ndarray, palette: np.ndarray, classes: list[str]
) -> Image.Image:
    """One sheet of an image and its class indices `(H, W)`; `palette` uint8 `(K, 3)`."""
    longer = max(image.size)
    scale = min(1.0, LARGEST / longer) if longer > SMALLEST else round(SMALLEST / longer)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR if scale < 1 else Image.Resampling.NEAREST))
    truth, prediction = (
        np.asarray(Image.fromarray(m).resize(size, Image.Resampling.NEAREST)) for m in (truth, prediction)
    )
    tiles = [pixels, overlay(pixels, truth, palette), overlay(pixels, prediction, palette)]
    present = [int(i) for i in np.union1d(truth, prediction) if i != IGNORED]
    legend = [(classes[number], palette[number].tolist()) for number in present]
    return side_by_side(dict(zip(('image', 'truth', 'prediction'), tiles)), legend)


def overlay(pixels: np.ndarray, labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Pixels `(H, W, 3)` with the colours of their classes; where nothing counts, with diagonal lines."""
    ignored = labels == IGNORED
    colours = palette[np.where(ignored, 0, labels)]
    mixed = (1 - OPACITY) * pixels + OPACITY * colours
    mixed[ignored] = pixels[ignored]
    y, x = np.indices(labels.shape)
    mixed[ignored & ((x + y) % 8 < 2)] = 255
    return mixed.round().astype(np.uint8)
