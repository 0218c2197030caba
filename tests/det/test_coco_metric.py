"""The scores of detections: equal to pycocotools and to LVIS's rules, whatever the batches, order or processes."""

import contextlib
import copy
import io
import itertools
import multiprocessing
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from faster_coco_eval import mask as fast_rle
from mmengine.structures import InstanceData
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import distributed as dist
from torch import nn

from det_mmdetection.metrics import CocoMetric, run_lengths
from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.engine.evaluation import evaluate
from pretrain.errors import ConfigError, DataError
from pretrain.record import Scores

pytestmark = pytest.mark.unit

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


def results(data: Boxes, kind: str) -> list[dict]:
    """The results file that COCO asks for, written one detection at a time."""
    lines = []
    for image, found in zip(data.ground_truth['images'], data.found):
        for box, score, label, mask in zip(found.bboxes, found.scores, found.labels, found.masks):
            left, top, right, bottom = box.tolist()
            line = {'image_id': image['id'], 'category_id': CAT_IDS[label], 'score': score.item()}
            if kind == 'bbox':
                line['bbox'] = [left, top, right - left, bottom - top]
            else:
                line['segmentation'] = rle.encode(np.asfortranarray(mask.numpy(), np.uint8))
            lines.append(line)
    return lines


def pycocotools(data: Boxes, kind: str, categories: list[int] = CAT_IDS, max_dets=(1, 10, 100)) -> dict[str, float]:
    names = ['AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', *(f'AR{n}' for n in max_dets), 'ARs', 'ARm', 'ARl']
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(data.ground_truth)
        truth.createIndex()
        lines = results(data, kind)
        found = truth.loadRes(lines) if lines else COCO()
        evaluation = COCOeval(truth, found, kind)
        evaluation.params.catIds, evaluation.params.maxDets = list(categories), list(max_dets)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = evaluation.stats.tolist()
    precision = evaluation.eval['precision'][:, :, :, 0, -1]
    if (precision > -1).any():
        values[0] = precision[precision > -1].mean()  # summarize() looks for 100 detections here whatever max_dets
    return {f'{kind}_{name}': value for name, value in zip(names, values) if value > -1}


CASES = {
    'plain': dict(crowds=0),
    'crowds': dict(crowds=0.5),
    'only crowds': dict(crowds=1),
    'full images': dict(empty=0, missed=0, per_image=100),
    'no object': dict(empty=1),
    'no detection': dict(missed=1),
}


@pytest.mark.parametrize('case', CASES)
def test_equal_to_pycocotools(case: str) -> None:
    data = world(1, **CASES[case])
    found = score(data)
    expected = pycocotools(data, 'bbox') | pycocotools(data, 'segm')
    assert found.overall == pytest.approx(expected, abs=1e-9) and found.num_samples == IMAGES
    if case in ('plain', 'crowds', 'full images'):
        assert len(expected) == 24 and 0.05 < expected['bbox_AP'] < expected['bbox_AP50'] < 0.95
    for kind in ('bbox', 'segm'):
        each = {n: pycocotools(data, kind, [c]).get(f'{kind}_AP') for c, n in zip(CAT_IDS, CLASSES)}
        assert found.per_class[f'{kind}_AP'] == pytest.approx(
            {n: v for n, v in each.items() if v is not None}, abs=1e-9
        )
        assert 'n' not in found.per_class[f'{kind}_AP']


@pytest.mark.parametrize('max_dets', [(1, 2, 3), (2, 5, 300)])
def test_other_numbers_of_detections(max_dets: tuple) -> None:
    data = world(2, per_image=40)
    found = score(data, max_dets=max_dets, masks=False).overall
    assert found == pytest.approx(pycocotools(data, 'bbox', max_dets=max_dets), abs=1e-9)


def test_a_perfect_detection_far_from_the_origin() -> None:
    """Known without an evaluator: left, top, right, bottom is no left, top, width, height."""
    data = world(3)
    image, names = data.ground_truth['images'][0]['id'], CLASSES
    entry = {'id': 1, 'image_id': image, 'category_id': 90, 'bbox': [100, 80, 30, 20], 'area': 600, 'iscrowd': 0}
    data.ground_truth['annotations'] = [entry]
    data.found = [InstanceData(bboxes=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=int))] * 14
    data.found[0] = InstanceData(
        bboxes=torch.tensor([[100.0, 80, 130, 100]]), scores=torch.ones(1), labels=torch.tensor([names.index('x')])
    )
    found = score(data, masks=False)
    small = dict.fromkeys([f'bbox_{n}' for n in ('AP', 'AP50', 'AP75', 'APs', 'AR1', 'AR10', 'AR100', 'ARs')], 1.0)
    assert found.overall == pytest.approx(small) and found.per_class == {'bbox_AP': {'x': pytest.approx(1)}}


def test_ground_truth_is_kept_and_ids_from_zero_count() -> None:
    data = world(4)
    before, expected = copy.deepcopy(data.ground_truth), score(data)
    assert data.ground_truth == before and score(data) == expected
    for number, entry in enumerate(data.ground_truth['annotations']):
        entry['id'] = number
    assert score(data) == expected
    assert pycocotools(data, 'bbox') != pytest.approx(expected.overall, abs=1e-9)  # it cannot find object 0


@pytest.mark.parametrize('batch', [1, 5, IMAGES])
def test_batches_and_order_change_nothing(batch: int) -> None:
    data = world(5)
    expected = score(data)
    assert score(data, batch) == expected
    metric = CocoMetric(OpenMMLabSet(data), masks=True)
    for index in np.random.default_rng(batch).permutation(IMAGES):
        metric.add(int(index), data.found[index])
    assert metric.scores() == expected


def worker(rank: int, world_size: int, data: Boxes, meeting: str, answers) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=world_size)
    answers.put(score(data))
    dist.destroy_process_group()


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_processes_change_nothing(tmp_path, world_size: int) -> None:
    data = world(6)
    expected = score(data)
    context = multiprocessing.get_context('fork')
    answers = context.Queue()
    place = str(tmp_path / 'meeting')
    ranks = [context.Process(target=worker, args=(r, world_size, data, place, answers)) for r in range(world_size)]
    for process in ranks:
        process.start()
    found = [answers.get(timeout=60) for _ in ranks]
    for process in ranks:
        process.join(30)
        assert process.exitcode == 0
    for scores in found:
        assert scores.overall == pytest.approx(expected.overall, abs=1e-9)
        assert scores.per_class == expected.per_class and scores.num_samples == IMAGES


def test_a_sample_twice_or_missing_is_an_error() -> None:
    data = world(7)
    metric = CocoMetric(OpenMMLabSet(data), masks=True)
    for index in range(IMAGES - 1):
        metric.add(index, data.found[index])
    with pytest.raises(RuntimeError, match='13 images'):
        metric.scores()
    metric.add(4, data.found[4])
    with pytest.raises(RuntimeError, match=r'more than once: \[4\]'):
        metric.scores()


@pytest.mark.parametrize(
    ('name', 'value', 'said'),
    [
        ('scores', torch.tensor([float('nan')]), 'finite'),
        ('bboxes', torch.tensor([[0, 0, float('inf'), 1]]), 'finite'),
        ('labels', torch.tensor([5]), 'labels 5 to 5'),
        ('labels', torch.tensor([-1]), 'labels -1 to -1'),
        ('masks', torch.ones(1, W, H, dtype=torch.bool), 'masks are'),
    ],
)
def test_impossible_predictions_name_their_image(name: str, value: torch.Tensor, said: str) -> None:
    metric = CocoMetric(OpenMMLabSet(world(8)), masks=True)
    good = {'bboxes': torch.ones(1, 4), 'scores': torch.ones(1), 'labels': torch.ones(1, dtype=int)}
    with pytest.raises(RuntimeError, match=rf'9\.jpg.*{said}'):
        metric.add(9, InstanceData(**{**good, 'masks': torch.ones(1, H, W, dtype=torch.bool), name: value}))


def test_run_lengths_decode_to_the_masks() -> None:
    masks = torch.rand(5, 9, 14, generator=torch.Generator().manual_seed(1)) < torch.linspace(0, 1, 5)[:, None, None]
    codes = [{'size': [9, 14], 'counts': counts} for counts in run_lengths(masks)]
    pixels = np.asfortranarray(masks.numpy().transpose(1, 2, 0), np.uint8)
    assert codes == rle.encode(pixels) == fast_rle.encode(pixels)
    assert np.array_equal(fast_rle.decode(codes), pixels)
    assert run_lengths(masks[:0]) == []


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'style': 'voc'}, "'voc'"),
        ({'max_dets': (10, 1)}, 'ascending'),
        ({'max_dets': (0, 1)}, 'positive'),
        ({'max_dets': ()}, 'positive'),
        ({'max_dets': (1, 300), 'style': 'lvis'}, 'one number'),
    ],
)
def test_wrong_arguments(options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CocoMetric(OpenMMLabSet(world(9)), masks=False, **options)


def test_sets_that_cannot_be_scored() -> None:
    data = world(9)
    with pytest.raises(DataError, match='neg_category_ids'):
        CocoMetric(OpenMMLabSet(data), masks=False, style='lvis')
    data.ground_truth['annotations'][2]['segmentation'] = []
    CocoMetric(OpenMMLabSet(data), masks=False)
    with pytest.raises(DataError, match='annotation 11 has no segmentation'):
        CocoMetric(OpenMMLabSet(data), masks=True)
    data.cat_ids = sorted(data.cat_ids)
    with pytest.raises(DataError, match="class 'u' has the category id of 'c'"):
        CocoMetric(OpenMMLabSet(data), masks=False)


def federate(data: Boxes) -> Boxes:
    """Make it a set as LVIS has them, of which images are annotated in part; `iscrowd` then means nothing."""
    rng = np.random.default_rng(10)
    for image in data.ground_truth['images']:
        for key, share in (('neg_category_ids', 0.3), ('not_exhaustive_category_ids', 0.4)):
            image[key] = [c for c in CAT_IDS if rng.random() < share]
    for category, frequency in zip(data.ground_truth['categories'], 'rcfcf'):
        category['frequency'] = frequency
    for entry in data.ground_truth['annotations'][::9]:
        entry['ignore'] = 1
    return data


def overlaps(data: Boxes, index: int, kind: str, objects: list[dict]) -> np.ndarray:
    """Intersection over union of all detections and objects of an image `(N, objects)`, and areas of detections."""
    found, truth = data.found[index], COCO()
    truth.imgs = {entry['id']: entry for entry in data.ground_truth['images']}
    if kind == 'segm':
        first, second = (
            found.masks.numpy(),
            np.array([fast_rle.decode(truth.annToRLE(a)) for a in objects]).reshape(-1, H, W),
        )
        inner = (first[:, None] & (second[None] > 0)).sum((2, 3), dtype=float)
        areas, others = first.sum((1, 2), dtype=float), second.sum((1, 2), dtype=float)
    else:
        first = found.bboxes.double().numpy()
        second = np.array([entry['bbox'] for entry in objects]).reshape(-1, 4)
        second = np.concatenate([second[:, :2], second[:, :2] + second[:, 2:]], 1)
        ends = np.minimum(first[:, None, 2:], second[None, :, 2:]), np.maximum(first[:, None, :2], second[None, :, :2])
        inner = (ends[0] - ends[1]).clip(0).prod(2)
        areas, others = ((b[:, 2:] - b[:, :2]).prod(1) for b in (first, second))
    return inner / np.maximum(areas[:, None] + others[None] - inner, 1e-12), areas


def lvis(data: Boxes, kind: str, limit: int = 300, judge: bool = True, forgive: bool = True) -> dict[str, float]:
    """LVIS's rules one detection at a time, from Gupta et al. 2019 and LVISEval. `judge`: a category counts only in
    images that are known to have it or not; `forgive`: what is not annotated exhaustively makes no false alarm.
    """
    truth, lists = data.ground_truth, {}
    for i in sorted(range(IMAGES), key=lambda i: truth['images'][i]['id']):
        objects = [a for a in truth['annotations'] if a['image_id'] == truth['images'][i]['id']]
        best = sorted(range(len(data.found[i].scores)), key=lambda d: -data.found[i].scores[d])[:limit]
        lists[i] = objects, best, *overlaps(data, i, kind, objects)
    ranges = {'': (0, 1e10), 's': (0, 32**2), 'm': (32**2, 96**2), 'l': (96**2, 1e10)}
    cases = itertools.product(truth['categories'], ranges.items(), enumerate(np.linspace(0.5, 0.95, 10)))
    curves: dict[str, list] = defaultdict(list)
    for category, (suffix, (low, high)), (t, threshold) in cases:
        number, ranked, wanted = category['id'], [], 0
        for i, (objects, best, overlap, areas) in lists.items():
            own = [k for k, a in enumerate(objects) if a['category_id'] == number]
            counts = {k: low <= objects[k]['area'] <= high and not objects[k].get('ignore') for k in own}
            wanted += sum(counts.values())
            if judge and not own and number not in truth['images'][i]['neg_category_ids']:
                continue
            forgiven = forgive and number in truth['images'][i]['not_exhaustive_category_ids']
            for d in (d for d in best if CAT_IDS[data.found[i].labels[d]] == number):
                options = [(counts[k], overlap[d, k], k) for k in own if overlap[d, k] >= threshold]
                if options:
                    own.remove(max(options)[2])
                if max(options)[0] if options else low <= areas[d] <= high and not forgiven:
                    ranked.append((data.found[i].scores[d].item(), bool(options)))
        if wanted:
            hits = np.cumsum([hit for _, hit in sorted(ranked, key=lambda r: -r[0])], dtype=float)
            precision = hits / np.arange(1, len(hits) + 1)
            first = np.searchsorted(hits / wanted, np.linspace(0, 1, 101))
            curve = [precision[f:].max(initial=0) for f in first]
            names = [
                f'AP{suffix}',
                *([f'AP{category["frequency"]}', {0: 'AP50', 5: 'AP75'}.get(t)] if not suffix else []),
            ]
            for name in filter(None, names):
                curves[name] += curve
            if not suffix:
                curves[f'AR{limit}'].append(hits[-1] / wanted if len(hits) else 0.0)
    return {f'{kind}_{name}': np.mean(values) for name, values in curves.items()}


@pytest.mark.parametrize('limit', [12, 300])
def test_equal_to_the_rules_of_lvis(limit: int) -> None:
    data = federate(world(11, crowds=0.3, empty=0.1, missed=0.1))
    found = score(data, style='lvis', **({} if limit == 300 else {'max_dets': (limit,)})).overall
    assert found == pytest.approx(lvis(data, 'bbox', limit) | lvis(data, 'segm', limit), abs=1e-9)
    assert {'bbox_APr', 'bbox_APc', 'bbox_APf', f'segm_AR{limit}'} < set(found) and len(found) == 20
    for other in (dict(judge=False), dict(forgive=False), dict(limit=6)):
        changed = lvis(data, 'bbox', **{'limit': limit, **other})
        assert abs(changed['bbox_AP'] - found['bbox_AP']) > 1e-3
