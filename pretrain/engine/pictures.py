"""Pictures, so that a person can see what a run learns: contact sheets of reconstructions, tiles side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.hooks import Hook
from PIL import Image, ImageDraw
from torch import Tensor

from pretrain.data.loader import collate
from pretrain.engine.seeding import seed_step
from pretrain.engine.sharding import is_sharded
from pretrain.registry import HOOKS

GAP = 4
CAPTION = 14
LEGEND = 160
"""Pixels that an entry of a legend takes."""


@HOOKS.register_module()
class PictureHook(Hook):
    """Every `interval` epochs and at the end: the first `count` images of the data with a fixed mask.

    Columns: original, masked input, the predictions pasted into it, and the predictions alone, blank where the loss
    does not count them. A target that is normalised by patch is drawn with the true mean and deviation of each patch,
    which the model does not know: coarse colours of a reconstruction are not its merit. Models without a pixel target
    give the first two. Sharded models give none: one process alone cannot compute with a share of the weights.
    """

    priority = 'LOWEST'  # after saving, so that nothing can be lost by a picture

    def __init__(self, interval: int = 10, count: int = 8):
        self.interval, self.count = interval, count

    def after_update(self, runner, progress: float) -> None:
        every = self.interval * runner.train_loop.per_epoch
        if (runner.iter % every == 0 or runner.iter == runner.max_iters) and runner.rank == 0:
            self.write(runner)

    def write(self, runner) -> None:
        model = runner.bare_model
        if not hasattr(model, 'pictures') or is_sharded(model):
            return
        dataset = runner.train_loop.dataset
        samples = [dataset[(0, i)] for i in range(min(self.count, len(dataset)))]
        batch = getattr(dataset, 'collate', collate)(samples)
        batch = {k: v for k, v in batch.items() if isinstance(v, Tensor)}
        model.eval()
        with torch.random.fork_rng(), torch.no_grad():
            seed_step(0, 0, 0)
            columns = model.pictures(model.data_preprocessor(batch))
        model.train()
        sheet = contact_sheet(columns)
        path = runner.folder / 'pictures' / f'iter_{runner.iter:07d}.png'
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(sheet).save(path)
        runner.visualizer.add_image('reconstruction', sheet, step=runner.iter)


def contact_sheet(columns: dict[str, Tensor], scale_to: int = 128) -> np.ndarray:
    """One row per sample, one captioned column per entry of `{name: (B, C, H, W) in [0, 1]}`; uint8 `(h, w, 3)`."""
    first = next(iter(columns.values()))
    factor = max(1, round(scale_to / min(first.shape[2:])))
    height, width = (n * factor for n in first.shape[2:])
    rows = first.shape[0]
    size = (len(columns) * (width + GAP) + GAP, rows * (height + GAP) + GAP + CAPTION)
    sheet = Image.new('RGB', size, 'white')
    draw = ImageDraw.Draw(sheet)
    for i, (name, images) in enumerate(columns.items()):
        left = GAP + i * (width + GAP)
        draw.text((left, 1), name, fill='black')
        for j, image in enumerate(images):
            tile = Image.fromarray(_to_rgb(image)).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(tile, (left, CAPTION + GAP + j * (height + GAP)))
    return np.asarray(sheet)


def side_by_side(tiles: Mapping[str, np.ndarray], legend: Sequence[tuple[str, Sequence[int]]] = ()) -> Image.Image:
    """Pictures of one size, uint8 `(H, W, 3)`, under their titles; below, the colour of every name of `legend`."""
    height, width = next(iter(tiles.values())).shape[:2]
    total = len(tiles) * (width + GAP) + GAP
    columns = max(1, total // LEGEND)
    rows = -(-len(legend) // columns)
    sheet = Image.new('RGB', (total, height + 2 * GAP + CAPTION * (rows + 1)), 'white')
    pen = ImageDraw.Draw(sheet)
    for i, (title, tile) in enumerate(tiles.items()):
        left = GAP + i * (width + GAP)
        pen.text((left, 1), title, fill='black')
        sheet.paste(Image.fromarray(tile), (left, CAPTION + GAP))
    for i, (name, colour) in enumerate(legend):
        x, y = GAP + LEGEND * (i % columns), height + 2 * GAP + CAPTION * (1 + i // columns)
        pen.rectangle((x, y, x + 9, y + 9), fill=tuple(colour), outline='black')
        pen.text((x + 14, y - 1), name[:22], fill='black')
    return sheet


def _to_rgb(image: Tensor) -> np.ndarray:
    """`(C, H, W)` in [0, 1] to uint8 `(H, W, 3)`; one channel becomes grey, of more than three the first three show."""
    x = image.float().cpu().clamp(0, 1)
    x = x[:3] if x.shape[0] >= 3 else x[:1].expand(3, -1, -1)
    return (x.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
