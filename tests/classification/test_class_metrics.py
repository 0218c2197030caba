"""Scores depend on predictions alone: not on batches, order or processes."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch import distributed as dist

from pretrain.data.dataset import ImageDataset
from pretrain.engine.accuracy import ClassMetrics, rank_of
from pretrain.engine.evaluation import evaluate
from pretrain.model import ImagePreprocessor
from pretrain.record import Scores

pytestmark = pytest.mark.unit

COUNT, CLASSES = 61, 7


def predictions() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(COUNT, CLASSES, generator=generator, dtype=torch.float64)
    return logits, torch.randint(CLASSES, (COUNT,), generator=generator)


def scores_of(order: Tensor, batch: int):
    logits, label = predictions()
    metrics = ClassMetrics(COUNT, CLASSES)
    for part in order.split(batch):
        metrics.add(part, logits[part], label[part])
    return metrics.scores()


def test_against_a_plain_statement() -> None:
    logits, label = (t.numpy() for t in predictions())
    found = scores_of(torch.arange(COUNT), 8)
    order = np.argsort(-logits, axis=1)
    assert found.overall['top1'] == np.mean([y == o[0] for y, o in zip(label, order)])
    assert found.overall['top5'] == np.mean([y in o[:5] for y, o in zip(label, order)])
    likelihood = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert found.overall['nll'] == pytest.approx(-np.log(likelihood[np.arange(COUNT), label]).mean(), abs=1e-12)
    for c in range(CLASSES):
        assert found.per_class['top1'][str(c)] == np.mean(order[label == c, 0] == c)


@pytest.mark.parametrize('batch', [1, 7, 32])
def test_batches_and_order_change_nothing(batch: int) -> None:
    expected = scores_of(torch.arange(COUNT), COUNT)
    shuffled = torch.randperm(COUNT, generator=torch.Generator().manual_seed(batch))
    assert scores_of(torch.arange(COUNT), batch) == expected
    assert scores_of(shuffled, batch) == expected


def test_a_sample_twice_or_missing_is_an_error() -> None:
    twice = torch.cat([torch.arange(COUNT), torch.tensor([4])])
    with pytest.raises(RuntimeError, match=r'seen more than once: \[4\]'):
        scores_of(twice, 10)
    with pytest.raises(RuntimeError, match='60 images'):
        scores_of(torch.arange(COUNT - 1), 10)


def test_not_finite_is_an_error() -> None:
    metrics = ClassMetrics(2, 3)
    with pytest.raises(RuntimeError, match='index 1'):
        metrics.add(torch.tensor([0, 1]), torch.tensor([[0, 0, 0], [0, float('nan'), 0]]), torch.tensor([0, 1]))


def test_equal_logits_do_not_count_for_everybody() -> None:
    ranks = rank_of(torch.zeros(3, 3), torch.tensor([0, 1, 2]))
    assert ranks.tolist() == [0, 1, 2]


class Colours(nn.Module):
    """A fixed function of the image in float64, so that the size of a batch does not round it differently."""

    num_classes = 3

    def __init__(self):
        super().__init__()
        self.data_preprocessor = ImagePreprocessor((0.5,) * 3, (0.25,) * 3)

    def predict(self, batch: dict) -> dict:
        return {'logits': batch['image'].double().mean((2, 3)).flip(1)}


def dataset(images: Path) -> ImageDataset:
    source = {'type': 'FolderSource', 'root': str(images / 'train')}
    return ImageDataset(source, {'type': 'EvalAugment', 'resize': 16, 'crop': 16}, labels=True)


def score(images: Path, batch_size: int) -> Scores:
    data = dataset(images)
    return evaluate(Colours(), data, ClassMetrics(len(data), 3, data.classes), batch_size)


def worker(rank: int, world: int, images: Path, meeting: str, results) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=world)
    results.put((rank, score(images, batch_size=5)))
    dist.destroy_process_group()


@pytest.mark.parametrize('world', [2, 3])
def test_processes_change_nothing(images: Path, tmp_path: Path, world: int) -> None:
    expected = score(images, batch_size=5)
    assert 0.5 < expected.overall['top1'] <= 1 and expected.num_samples == 36
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [
        context.Process(target=worker, args=(r, world, images, str(tmp_path / 'meeting'), results))
        for r in range(world)
    ]
    for process in ranks:
        process.start()
    found = [results.get(timeout=30) for _ in ranks]
    for process in ranks:
        process.join(30)
        assert process.exitcode == 0
    for _, scores in found:
        assert scores.num_samples == 36
        for name, value in expected.overall.items():
            assert scores.overall[name] == pytest.approx(value, abs=1e-9)
        assert scores.per_class == expected.per_class


@pytest.mark.parametrize('batch', [1, 7, 32])
def test_evaluation_with_other_batches(images: Path, batch: int) -> None:
    expected = score(images, batch_size=5).overall
    assert score(images, batch_size=batch).overall == pytest.approx(expected, abs=1e-9)
