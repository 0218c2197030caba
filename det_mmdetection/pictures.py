"""Pictures of predictions beside the truth, so that a person can look at what a score means."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pycocotools import mask as rle
from torch import Tensor, nn
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks

from pretrain.data.decode import decode_tensor
from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.engine.pictures import side_by_side

COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
"""Of Okabe and Ito (2008): told apart with any colour vision. Classes take them in turn."""
FEW = 5
SMALLEST = 256
"""Pixels that the longer side of a drawn image has at least, nearly."""


@torch.no_grad()
def write_pictures(folder: Path, dataset: OpenMMLabSet, model: nn.Module, number: int = 8, score: float = 0.3) -> None:
    """Truth beside predictions with at least `score`, and the colours of the classes, for images spread over the set.

    Where no prediction is as good, the best few are drawn, and the title says so. Writes `prediction_<index>.png` for
    `number` images; small images are enlarged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = model.training
    model.eval()
    truth = dataset.ground_truth
    objects: dict[int, list[dict]] = {}
    for annotation in truth['annotations']:
        objects.setdefault(annotation['image_id'], []).append(annotation)
    label = {number: i for i, number in enumerate(dataset.cat_ids)}
    for index in sorted({round(i) for i in np.linspace(0, len(dataset) - 1, min(number, len(dataset))).tolist()}):
        found = model.test_step(dataset.collate([dataset[index]]))[0].pred_instances.cpu()
        title = f'predictions from {score:g}'
        if len(found) and float(found.scores.max()) < score:
            title = f'best {FEW}, at most {float(found.scores.max()):.2f}'
            found = found[found.scores.argsort(descending=True)[:FEW]]
        else:
            found = found[found.scores >= score]
        image = _pixels(dataset.name(index))
        known = objects.get(truth['images'][index]['id'], [])
        boxes = [[x, y, x + w, y + h] for x, y, w, h in (annotation['bbox'] for annotation in known)]
        masks = [_decode(a, image.shape[1:]) for a in known if a.get('segmentation')]
        labels = [label[a['category_id']] for a in known]
        tiles = {
            'truth': _draw(image, boxes, labels, masks),
            title: _draw(image, found.bboxes, found.labels.tolist(), found.masks if 'masks' in found else ()),
        }
        present = sorted({*labels, *found.labels.tolist()})
        legend = [(dataset.metainfo['classes'][i], COLOURS[i % len(COLOURS)]) for i in present]
        sheet = side_by_side({title: tile.permute(1, 2, 0).numpy() for title, tile in tiles.items()}, legend)
        sheet.save(folder / f'prediction_{index:06d}.png')
    model.train(training)


def _draw(image: Tensor, boxes: Any, labels: list[int], masks: Any) -> Tensor:
    factor = max(1, round(SMALLEST / max(image.shape[1:])))
    image = _enlarge(image, factor)
    boxes = factor * torch.as_tensor(np.asarray(boxes, np.float32)).reshape(-1, 4)
    if not len(boxes):
        return image
    colours = [COLOURS[i % len(COLOURS)] for i in labels]
    if len(masks) == len(boxes):
        masks = torch.stack([_enlarge(torch.as_tensor(mask).bool(), factor) for mask in masks])
        image = draw_segmentation_masks(image, masks, alpha=0.5, colors=colours)
    # Predicted boxes may be a rounding error wide.
    boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes[:, :2])
    return draw_bounding_boxes(image, boxes, colors=colours, width=2)


def _enlarge(x: Tensor, factor: int) -> Tensor:
    return x.repeat_interleave(factor, -1).repeat_interleave(factor, -2)


def _pixels(path: str) -> Tensor:
    """uint8 `(3, H, W)`, red first."""
    return decode_tensor(Path(path).read_bytes()).contiguous()


def _decode(annotation: dict, size: tuple[int, ...]) -> np.ndarray:
    """bool `(H, W)` of polygons, or of a run-length encoding, compressed or not."""
    shape = annotation['segmentation']
    if isinstance(shape, list):
        shape = rle.merge(rle.frPyObjects(shape, size[0], size[1]))
    elif isinstance(shape['counts'], list):
        shape = rle.frPyObjects(shape, size[0], size[1])
    return rle.decode(shape).astype(bool)
