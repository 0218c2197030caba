"""The scores of detections: equal to pycocotools, whatever the batches, order or processes."""

import contextlib
import copy
import io
import multiprocessing

import numpy as np
import pytest
import torch
from coco_world import (
    CAT_IDS,
    CLASSES,
    IMAGES,
    Boxes,
    H,
    W,
    score,
    world,
)
from faster_coco_eval import mask as fast_rle
from mmengine.structures import InstanceData
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import distributed as dist

from det_mmdetection.metrics import CocoMetric, run_lengths
from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit


def results(data: Boxes, kind: str) -> list[dict]:
    """The results file that COCO asks for, written one detection at a time."""
    lines = []
    for image, found in zip(data.ground_truth['images'], data.found):
        for box, sure, label, mask in zip(found.bboxes, found.scores, found.labels, found.masks):
            left, top, right, bottom = box.tolist()
            line = {'image_id': image['id'], 'category_id': CAT_IDS[label], 'score': sure.item()}
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
