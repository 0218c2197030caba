"""Scoring a data set's detections, against pycocotools at equal numbers.

As many objects and detections per image as COCO's val2017 has with MMDetection's defaults; as many images with
`BENCH=full`. Our time begins with what the model's predictions leave behind and includes
the copy of the annotations; theirs begins with finished result lists and an indexed ground truth. The clock is the CPU
time of the process, so that other load on the machine does not count.
"""

import contextlib
import copy
import io
import os
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from det_mmdetection.metrics import CocoMetric

pytestmark = pytest.mark.bench

HEIGHT, WIDTH, CLASSES, OBJECTS, DETECTIONS = 480, 640, 80, 7, 100
IMAGES = 5000 if os.environ.get('BENCH') == 'full' else 300
NAMES = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'AR1', 'AR10', 'AR100', 'ARs', 'ARm', 'ARl')


@dataclass
class Images:
    """What CocoMetric needs of a data set."""

    ground_truth: dict
    cat_ids: list[int]

    def __post_init__(self):
        self.metainfo = {'classes': tuple(c['name'] for c in self.ground_truth['categories'])}

    def __len__(self) -> int:
        return len(self.ground_truth['images'])


def boxes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Left, top, width, height `(*shape, 4)` of sides from 8 to 400 pixels, equally many on every scale."""
    sides = np.exp(rng.uniform(np.log(8), np.log(400), (*shape, 2)))
    return np.concatenate([rng.uniform(0, 1, (*shape, 2)) * ([WIDTH, HEIGHT] - sides), sides], -1)


def draw(box: np.ndarray) -> torch.Tensor:
    """Filled ellipses of boxes `(n, 4)`, bool `(n, HEIGHT, WIDTH)`."""
    x, y, w, h = box.astype(np.float32).T[:, :, None]
    inside = 4 * ((np.arange(WIDTH, dtype=np.float32) + 0.5 - x - w / 2) / w)[:, None] ** 2
    return torch.from_numpy(
        inside + 4 * ((np.arange(HEIGHT, dtype=np.float32) + 0.5 - y - h / 2) / h)[..., None] ** 2 < 1
    )


def make(images: int, masks: bool) -> Images:
    """A data set without pixels."""
    rng = np.random.default_rng(0)
    cat_ids = (np.arange(CLASSES) * 9 // 8 + 1).tolist()
    annotations = []
    for i in range(images):
        truth = boxes(rng, OBJECTS)
        for box, code in zip(truth.tolist(), outlines(truth) if masks else [{}] * OBJECTS):
            entry = {'id': len(annotations) + 1, 'image_id': i, 'category_id': int(rng.choice(cat_ids)), **code}
            annotations.append({**entry, 'bbox': box, 'area': box[2] * box[3], 'iscrowd': int(rng.random() < 0.01)})
    sizes = [{'id': i, 'height': HEIGHT, 'width': WIDTH} for i in range(images)]
    categories = [{'id': c, 'name': str(c)} for c in cat_ids]
    return Images({'images': sizes, 'annotations': annotations, 'categories': categories}, cat_ids)


def detect(data: Images, masks: bool):
    """Per image three guesses for each object, four in five with its class, and others anywhere."""
    rng = np.random.default_rng(1)
    entries = data.ground_truth['annotations']
    truth = np.array([entry['bbox'] for entry in entries]).reshape(-1, OBJECTS, 4)
    classes = np.array([data.cat_ids.index(entry['category_id']) for entry in entries]).reshape(-1, OBJECTS)
    for i in range(len(data)):
        near = np.tile(truth[i], (3, 1))
        near = near + rng.normal(0, 0.08, near.shape) * near[:, [2, 3, 2, 3]]
        box = np.concatenate([near, boxes(rng, DETECTIONS - len(near))])
        box[:, 2:] = box[:, 2:].clip(1)
        label = rng.integers(CLASSES, size=DETECTIONS)
        label[: len(near)] = np.where(rng.random(len(near)) < 0.8, np.tile(classes[i], 3), label[: len(near)])
        drawn = {'masks': draw(box)} if masks else {}
        box[:, 2:] += box[:, :2]
        scores = torch.tensor(rng.random(DETECTIONS), dtype=torch.float32)
        yield SimpleNamespace(bboxes=torch.tensor(box).float(), scores=scores, labels=torch.tensor(label), **drawn)


def outlines(box: np.ndarray) -> list[dict]:
    """Octagons in boxes `(n, 4)`, as the polygons of annotations."""
    angles = np.arange(8) * np.pi / 4
    points = box[:, None, :2] + box[:, None, 2:] * (0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], -1))
    return [{'segmentation': [p.ravel().tolist()]} for p in points]


def result_lines(metric: CocoMetric) -> dict[str, list[dict]]:
    """What pycocotools reads, for each kind of score."""
    found = metric.detections(metric.rows)
    columns = {'image_id': found.image, 'category_id': found.category, 'score': found.score}
    lines = [dict(zip(columns, values)) for values in zip(*(c.tolist() for c in columns.values()))]
    kinds = {'bbox': [{**line, 'bbox': box} for line, box in zip(lines, found.box.tolist())]}
    if found.mask is not None:
        kinds['segm'] = [{**line, 'segmentation': mask} for line, mask in zip(lines, found.mask)]
    return kinds


def pycocotools(content: dict, kinds: dict[str, list[dict]]) -> tuple[dict[str, float], float]:
    """Scores, and the seconds they took."""
    values, seconds = {}, 0.0
    for kind, lines in kinds.items():
        truth, lines = COCO(), copy.deepcopy(lines)  # it writes into both
        truth.dataset = copy.deepcopy(content)
        truth.createIndex()
        start = time.process_time()
        evaluation = COCOeval(truth, truth.loadRes(lines), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        seconds += time.process_time() - start
        values |= dict(zip((f'{kind}_{n}' for n in NAMES), evaluation.stats.tolist()))
    return values, seconds


@pytest.mark.parametrize(('masks', 'images'), [(False, IMAGES), (True, -(-IMAGES // 15))], ids=['boxes', 'masks'])
def test_scoring(masks: bool, images: int, capsys) -> None:
    dataset = make(images, masks)
    collected = CocoMetric(dataset, masks)
    for index, prediction in enumerate(detect(dataset, masks)):
        collected.add(index, prediction)
    lines = result_lines(collected)

    def ours() -> tuple[dict[str, float], float]:
        start = time.process_time()
        metric = CocoMetric(dataset, masks)
        metric.rows = collected.rows
        values = metric.scores().overall
        return values, time.process_time() - start

    fast, slow = [], []
    for _ in range(2):  # alternating, so that other load on the machine meets both
        values, seconds = ours()
        fast.append(seconds)
        with contextlib.redirect_stdout(io.StringIO()):
            expected, seconds = pycocotools(dataset.ground_truth, lines)
        slow.append(seconds)
        assert values == pytest.approx(expected, abs=1e-9)
    assert 0.05 < values['bbox_AP'] < 0.95
    ratio = min(slow) / min(fast)
    with capsys.disabled():
        print(
            f'\n{images} images, {DETECTIONS} {"boxes and masks" if masks else "boxes"} each: '
            f'{min(fast):.2f} s; pycocotools {min(slow):.2f} s; ratio {ratio:.1f}'
        )
    assert ratio > 3 or masks
