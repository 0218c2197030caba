"""Random images with objects and detections, in the form of COCO, and what our metric says about them."""

from types import SimpleNamespace

import numpy as np
import torch
from mmengine.structures import InstanceData
from pycocotools import mask as rle
from torch import nn

from det_mmdetection.metrics import CocoMetric
from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.engine.evaluation import evaluate
from pretrain.record import Scores

H, W, IMAGES = 150, 200, 14
CAT_IDS = [21, 3, 90, 7, 40]
CLASSES = ('u', 'c', 'x', 'g', 'n')


class Boxes:
    """What CocoMetric needs of an mmdet data set. `found` is per image what the model will find."""

    def __init__(self, truth: dict, found: list[InstanceData]):
        self.ground_truth, self.found = truth, found
        self.cat_ids = [c['id'] for c in truth['categories']]
        self.metainfo = {'classes': tuple(c['name'] for c in truth['categories'])}

    def __len__(self) -> int:
        return len(self.found)

    def get_data_info(self, index: int) -> dict:
        return {'img_path': f'{index}.jpg'}

    def prepare_data(self, index: int) -> dict:
        return {'inputs': torch.tensor(index), 'data_samples': SimpleNamespace(pred_instances=self.found[index])}


class Finder(nn.Module):
    def test_step(self, batch: dict) -> list:
        return batch['data_samples']


def shape(rng: np.random.Generator, box: np.ndarray) -> np.ndarray:
    """A noisy ellipse in a box (left, top, width, height), bool `(H, W)`."""
    x, y, w, h = box
    rows, columns = np.mgrid[:H, :W] + 0.5
    inside = ((columns - x - w / 2) / (w / 2 + 0.1)) ** 2 + ((rows - y - h / 2) / (h / 2 + 0.1)) ** 2
    return inside + rng.uniform(0, 0.4, (H, W)) < 1


def random_box(rng: np.random.Generator) -> np.ndarray:
    w, h = rng.uniform((8, 8), (W, H)) * rng.choice([0.2, 0.6, 1])
    return np.array([rng.uniform(0, W - w), rng.uniform(0, H - h), w, h])


def segmentation(rng: np.random.Generator, box: np.ndarray, crowd: bool):
    """One of the three ways in which COCO writes masks; crowds are uncompressed run lengths."""
    x, y, w, h = box.tolist()
    pixels = np.asfortranarray(shape(rng, box), np.uint8)
    if crowd:
        flat = pixels.ravel(order='F').astype(int)
        ends = np.flatnonzero(np.diff(flat)) + 1
        return {'size': [H, W], 'counts': [0] * flat[0] + np.diff([0, *ends, flat.size]).tolist()}
    triangles = [[x, y, x + w, y, x + w / 2, y + h], [x, y + h / 2, x + w, y + h, x, y + h]]
    return rle.encode(pixels) if rng.random() < 0.3 else triangles


def detect(rng: np.random.Generator, objects: list[dict], count: int) -> InstanceData:
    """Guesses, most of them near an object; some boxes without area, some masks without a pixel, equal scores."""
    boxes, labels = np.zeros((count, 4)), rng.integers(5, size=count)
    for i in range(count):
        near = objects[i % len(objects)] if objects and rng.random() < 0.8 else None
        boxes[i] = near['bbox'] if near else random_box(rng)
        if near and rng.random() < 0.8:
            labels[i] = CAT_IDS.index(near['category_id'])
    boxes += rng.normal(0, 0.06, (count, 4)) * boxes[:, [2, 3, 2, 3]]
    boxes[:, 2:] *= rng.random((count, 1)) > 0.05
    masks = [shape(rng, box) & (rng.random() > 0.05) for box in boxes]
    return InstanceData(
        bboxes=torch.tensor(np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1), dtype=torch.float32),
        scores=torch.tensor(rng.random(count).round(1), dtype=torch.float32),
        labels=torch.tensor(labels),
        masks=torch.tensor(np.array(masks, bool).reshape(-1, H, W)),
    )


def world(seed: int, crowds: float = 0.1, per_image: int = 20, empty: float = 0.2, missed: float = 0.2) -> Boxes:
    """A random set with gaps between ids; neither images nor categories are in the order of their ids.

    Shares: `crowds` of the objects, images that are `empty`, and images of which all is `missed`. The last class has
    no object.
    """
    rng = np.random.default_rng(seed)
    numbers = (rng.permutation(5 * IMAGES)[:IMAGES] + 100).tolist()
    annotations, found = [], []
    for number in numbers:
        objects = []
        for _ in range(0 if rng.random() < empty else rng.integers(1, 8)):
            box, crowd = random_box(rng), bool(rng.random() < crowds)
            shown = {'bbox': box.tolist(), 'area': float(box[2] * box[3] * 0.7), 'iscrowd': int(crowd)}
            shown |= {'category_id': CAT_IDS[rng.integers(4)], 'segmentation': segmentation(rng, box, crowd)}
            objects.append({'id': 3 * (len(annotations) + len(objects)) + 5, 'image_id': number, **shown})
        annotations += objects
        found.append(detect(rng, objects, 0 if rng.random() < missed else per_image))
    images = [{'id': i, 'file_name': f'{i}.jpg', 'height': H, 'width': W} for i in numbers]
    categories = [{'id': c, 'name': n} for c, n in zip(CAT_IDS, CLASSES)]
    return Boxes({'images': images, 'annotations': annotations, 'categories': categories}, found)


def score(data: Boxes, batch: int = 3, **options) -> Scores:
    dataset = OpenMMLabSet(data)
    return evaluate(Finder(), dataset, CocoMetric(dataset, **{'masks': True, **options}), batch)
