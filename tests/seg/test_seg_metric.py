"""mIoU from one matrix of counts: MMSegmentation's numbers, whatever the batches, order and processes."""

import multiprocessing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch import distributed as dist

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from mmseg.evaluation import IoUMetric

from pretrain.engine.evaluation import evaluate
from pretrain.errors import DataError
from pretrain.record import Scores
from seg_mmsegmentation.metrics import ConfusionMetric

pytestmark = pytest.mark.unit

COUNT, CLASSES = 13, 6
NEVER, ONLY_PREDICTED, ONLY_TRUE = 3, 4, 5


class Maps:
    """What ConfusionMetric needs of a data set: names, and samples of different sizes with truth and prediction."""

    metainfo = {'classes': [f'class {i} ' for i in range(CLASSES)]}

    def __init__(self, count: int = COUNT):
        rng = np.random.default_rng(0)
        self.pairs = []
        for i in range(count):
            size = (20 + i % 3, 30 - i % 2)
            truth = rng.choice([0, 1, 2, ONLY_TRUE, 255], size, p=[0.4, 0.2, 0.2, 0.1, 0.1])
            noise = rng.choice([0, 1, 2, ONLY_PREDICTED], size)
            prediction = np.where((rng.random(size) < 0.6) & (truth < 3), truth, noise)
            self.pairs.append((torch.from_numpy(prediction), torch.from_numpy(truth)))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> dict:
        return {'inputs': self.pairs[index][0][None], 'data_samples': index, 'index': index}

    def name(self, index: int) -> str:
        return f'{index}.jpg'

    @staticmethod
    def collate(samples: list[dict]) -> dict:
        batch = {key: [sample[key] for sample in samples] for key in samples[0]}
        return {**batch, 'index': torch.tensor(batch['index'])}


class Oracle(nn.Module):
    """Predicts what the set holds, and like MMSegmentation refuses a batch of images of different sizes."""

    def __init__(self, dataset: Maps, logit: float = 0.0):
        super().__init__()
        self.dataset, self.logit = dataset, logit

    def test_step(self, batch: dict) -> list:
        assert len({x.shape for x in batch['inputs']}) == 1
        return [self.sample(*self.dataset.pairs[i]) for i in batch['data_samples']]

    def sample(self, prediction: Tensor, truth: Tensor) -> SimpleNamespace:
        maps = {'pred_sem_seg': prediction[None], 'gt_sem_seg': truth[None], 'seg_logits': torch.tensor([self.logit])}
        return SimpleNamespace(**{name: SimpleNamespace(data=data) for name, data in maps.items()})


def score(batch_size: int, count: int = COUNT) -> Scores:
    dataset = Maps(count)
    return evaluate(Oracle(dataset), dataset, ConfusionMetric(dataset), batch_size)


def theirs(pairs: list[tuple[Tensor, Tensor]]) -> dict[str, np.ndarray]:
    """IoUMetric's scores by class, without its rounding: areas in float64, and not to two decimals of a percent."""
    areas = [IoUMetric.intersect_and_union(p, t, CLASSES, 255) for p, t in pairs]
    return IoUMetric.total_area_to_metrics(*(sum(a.double() for a in area) for area in zip(*areas)))


def test_equals_mmseg() -> None:
    found, expected = score(3), theirs(Maps().pairs)
    assert found.overall['mIoU'] == pytest.approx(np.nanmean(expected['IoU']), abs=1e-9)
    assert found.overall['mAcc'] == pytest.approx(np.nanmean(expected['Acc']), abs=1e-9)
    assert found.overall['aAcc'] == pytest.approx(float(expected['aAcc']), abs=1e-9)
    for name in ('IoU', 'Acc'):
        for i, value in enumerate(expected[name]):
            assert found.per_class[name].get(f'class {i}', np.nan) == pytest.approx(value, abs=1e-9, nan_ok=True)
    metric = IoUMetric()
    metric.dataset_meta = Maps.metainfo
    samples = [{'pred_sem_seg': {'data': p}, 'gt_sem_seg': {'data': t}} for p, t in Maps().pairs]
    metric.process({}, samples)
    rounded = metric.compute_metrics(metric.results)
    assert {name: round(100 * value, 2) for name, value in found.overall.items()} == pytest.approx(rounded, abs=1e-5)


def test_absent_classes() -> None:
    found = score(1).per_class
    assert f'class {NEVER}' not in found['IoU'] and f'class {NEVER}' not in found['Acc']
    assert found['IoU'][f'class {ONLY_PREDICTED}'] == 0 and f'class {ONLY_PREDICTED}' not in found['Acc']
    assert found['IoU'][f'class {ONLY_TRUE}'] == found['Acc'][f'class {ONLY_TRUE}'] == 0


def test_what_is_predicted_for_ignored_pixels_changes_nothing() -> None:
    results = []
    for wrong in (0, ONLY_PREDICTED):
        dataset = Maps()
        dataset.pairs = [(torch.where(t == 255, wrong, p), t) for p, t in dataset.pairs]
        results.append(evaluate(Oracle(dataset), dataset, ConfusionMetric(dataset), 1))
    assert results[0] == results[1]


@pytest.mark.parametrize('batch_size', [2, 5, 64])
def test_batches_change_nothing(batch_size: int) -> None:
    assert score(batch_size) == score(1)


def test_a_sample_twice_or_missing_is_an_error() -> None:
    dataset = Maps()
    metric = ConfusionMetric(dataset)
    for index in (*range(COUNT), 4):
        metric.add(index, *dataset.pairs[index])
    with pytest.raises(RuntimeError, match=r'seen more than once: \[4\]'):
        metric.scores()
    metric = ConfusionMetric(dataset)
    metric.add(0, *dataset.pairs[0])
    with pytest.raises(RuntimeError, match='1 images, the set has 13'):
        metric.scores()


def test_what_is_no_class_is_an_error() -> None:
    prediction, truth = Maps().pairs[1]
    cases = [
        (prediction[:-1], truth, 'the mask'),
        (prediction + 3, truth, 'predicted classes'),
        (prediction - 1, truth, 'predicted classes'),
        (prediction, torch.where(truth == 2, 7, truth), 'the mask has class 7 of 6'),
        (prediction, torch.where(truth == 2, 300, truth), 'true classes'),
    ]
    for p, t, message in cases:
        with pytest.raises(RuntimeError, match=f'1.jpg: .*{message}'):
            ConfusionMetric(Maps()).add(1, p, t)
    metric = ConfusionMetric(Maps(1))
    metric.add(0, prediction, torch.full_like(truth, 255))
    with pytest.raises(DataError, match='no pixel'):
        metric.scores()


def test_logits_that_are_not_finite_are_an_error() -> None:
    dataset = Maps()
    with pytest.raises(RuntimeError, match=r'0\.jpg: logits are not finite'):
        evaluate(Oracle(dataset, float('nan')), dataset, ConfusionMetric(dataset), 1)


def worker(rank: int, world: int, meeting: str, results) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=world)
    results.put(score(2))
    dist.destroy_process_group()


@pytest.mark.parametrize('world', [1, 2, 3])
def test_processes_change_nothing(tmp_path: Path, world: int) -> None:
    expected = score(2)
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [context.Process(target=worker, args=(r, world, str(tmp_path / 'meeting'), results)) for r in range(world)]
    for process in ranks:
        process.start()
    found = [results.get(timeout=30) for _ in ranks]
    for process in ranks:
        process.join(30)
        assert process.exitcode == 0
    assert all(scores == expected for scores in found)
