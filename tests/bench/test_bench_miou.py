"""mIoU of ADE-size maps with 150 classes: one matrix of counts against MMSegmentation's metric, in one run.

With `BENCH=full` as many as ADE20K has for validation. Both get the same tensors, one
image at a time as in evaluation, and both are timed up to the finished scores, in CPU time on one thread.
"""

import os
import time

import numpy as np
import pytest
import torch
from torch.nn import functional as F

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from mmseg.evaluation import IoUMetric

from seg_mmsegmentation.metrics import ConfusionMetric

pytestmark = pytest.mark.bench
MAPS = 2000 if os.environ.get('BENCH') == 'full' else 120
CLASSES, SIZE = 150, (512, 683)


class Names:
    """What both metrics need of a data set."""

    metainfo = {'classes': [f'class {i}' for i in range(CLASSES)]}

    def __len__(self) -> int:
        return MAPS


def pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and truth int64 `SIZE`: regions of a few classes, three in four pixels right, one in ten ignored."""
    generator = torch.Generator().manual_seed(seed)
    present = torch.randint(0, CLASSES, (12,), generator=generator)

    def regions(side: int) -> torch.Tensor:
        small = present[torch.randint(0, 12, (1, 1, side, side), generator=generator)]
        return F.interpolate(small.float(), SIZE, mode='nearest')[0, 0].long()

    truth = regions(9)
    prediction = torch.where(regions(24) % 4 == 0, regions(24), truth)
    truth[:51] = 255
    return prediction, truth


def seconds(add, finish) -> tuple[float, dict]:
    """CPU time of a metric over all maps, the time to draw them left out, and its scores."""
    total = 0.0
    for index in range(MAPS):
        prediction, truth = pair(index)
        start = time.process_time()
        add(index, prediction, truth)
        total += time.process_time() - start
    start = time.process_time()
    scores = finish()
    return total + time.process_time() - start, scores


def test_miou(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(
        'mmseg.evaluation.metrics.iou_metric.print_log', lambda *_, **__: None
    )  # a table of all classes
    ours, theirs = ConfusionMetric(Names()), IoUMetric()
    theirs.dataset_meta = Names.metainfo

    def process(index: int, prediction: torch.Tensor, truth: torch.Tensor) -> None:
        sample = {'pred_sem_seg': {'data': prediction[None]}, 'gt_sem_seg': {'data': truth[None]}}
        theirs.process({}, [sample])

    fast, found = seconds(ours.add, lambda: ours.scores().overall)
    slow, printed = seconds(process, lambda: theirs.compute_metrics(theirs.results))
    exact = IoUMetric.total_area_to_metrics(*(sum(a.double() for a in area) for area in zip(*theirs.results)))
    rounded = IoUMetric.total_area_to_metrics(*map(sum, zip(*theirs.results)))
    assert found['mIoU'] == pytest.approx(np.nanmean(exact['IoU']), abs=1e-9)
    assert found['mAcc'] == pytest.approx(np.nanmean(exact['Acc']), abs=1e-9)
    assert found['aAcc'] == pytest.approx(float(exact['aAcc']), abs=1e-9)
    error = np.nanmax(np.abs(exact['IoU'] - rounded['IoU'].astype(np.float64)))
    with capsys.disabled():
        print(
            f'\nmIoU of {MAPS} maps of {SIZE[0]}x{SIZE[1]}, {CLASSES} classes: {1e3 * fast / MAPS:.2f} ms a map, '
            f'MMSegmentation {1e3 * slow / MAPS:.2f} ms; ratio {slow / fast:.1f}; mIoU {100 * found["mIoU"]:.2f} and '
            f'{printed["mIoU"]:.2f}; its float32 sums are off by up to {error:.1e} in a class'
        )
    assert slow / fast >= 3
