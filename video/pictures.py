"""Pictures of clips with what a model says about them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

FRAMES, SIDE, GAP, LINE = 8, 96, 2, 14


@torch.no_grad()
def write_pictures(folder: Path, dataset: Any, model: nn.Module, count: int) -> None:
    """`predictions.png`: a row of frames for each of `count` evenly spaced videos, with truth and prediction above.

    The first view is shown; the prediction is that of all views. The model's mode is put back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = model.training
    model.eval()
    names = dataset.classes or [str(i) for i in range(model.num_classes)]
    rows = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int)):
        batch = dataset.collate([dataset[int(index)]])
        shares = model.predict(model.data_preprocessor(batch))['probabilities'][0]
        best = int(shares.argmax())
        text = f'{Path(batch["id"][0]).stem}: {names[int(batch["label"][0])]}, '
        rows.append((f'{text}predicted {names[best]} {float(shares[best]):.2f}', batch['image'][0, 0]))
    sheet(rows).save(folder / 'predictions.png')
    model.train(training)


def sheet(rows: list[tuple[str, Tensor]]) -> Image.Image:
    """Captioned rows of frames of uint8 clips `(3, T, H, W)`."""
    width = FRAMES * (SIDE + GAP) + GAP
    picture = Image.new('RGB', (width, len(rows) * (SIDE + LINE + GAP) + GAP), 'white')
    pen = ImageDraw.Draw(picture)
    for r, (text, clip) in enumerate(rows):
        top = GAP + r * (SIDE + LINE + GAP)
        pen.text((GAP, top), text, fill='black')
        chosen = np.linspace(0, clip.shape[1] - 1, FRAMES).astype(int)
        for i, t in enumerate(chosen):
            tile = Image.fromarray(clip[:, t].permute(1, 2, 0).numpy()).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            picture.paste(tile, (GAP + i * (SIDE + GAP), top + LINE))
    return picture
