"""The scores of detections in sets that are annotated in part: equal to the rules of LVIS."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from coco_world import CAT_IDS, IMAGES, Boxes, H, W, score, world
from faster_coco_eval import mask as fast_rle
from pycocotools.coco import COCO

pytestmark = pytest.mark.unit


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
