"""The scores of a real model are the same on 1, 2 and 3 processes, to the last bit."""

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed as dist
from torch import nn

from medical.arrays import FindingArray
from medical.auc import FindingMetric
from medical.datasets import VolumeDataset
from medical.lists import CaseList
from medical.metrics import OrganMetric
from medical.segmenter import VolumeSegmenter
from pretrain.data.augment import EvalAugment
from pretrain.data.dataset import ImageDataset
from pretrain.engine.evaluation import evaluate
from pretrain.model import ImagePreprocessor

pytestmark = pytest.mark.unit


class Brightness(nn.Module):
    """Predicts from the brightness of an image alone, so that no batch changes the rounding."""

    def __init__(self):
        super().__init__()
        self.data_preprocessor = ImagePreprocessor((0.0,), (1.0,))

    def predict(self, batch: dict) -> dict:
        levels = [float(image.double().mean()) for image in batch['image']]
        return {'logits': torch.tensor([[0.4, x, 3 * x - 1] for x in levels])}


def organs(folder: Path):
    torch.manual_seed(0)
    encoder = dict(
        arch='vit3d_tiny_patch16',
        arch_args=dict(patch_size=(4, 4, 4), embed_dim=24, depth=2, num_heads=2),
        position='sincos-3d',
    )
    names = ['background', 'liver', 'kidney', 'vessel']
    model = VolumeSegmenter(encoder, classes=names, taps=(0,), feature_size=4, image_size=(16, 16, 16))
    prepare = dict(type='PrepareVolume', window=(-175, 250))
    data = VolumeDataset(CaseList(folder, 'validation'), prepare, labels=True, stored=True)
    return model, data, OrganMetric(data, model.organs, grid='stored')


def findings(folder: Path):
    data = ImageDataset(FindingArray(folder / 'set.npz'), EvalAugment(resize=8, crop=8), channels=1, labels=True)
    return Brightness(), data, FindingMetric(data, ['a', 'b', 'c'], True)


def score(kind, folder: Path, batch: int):
    torch.set_num_threads(1)
    return evaluate(*kind(folder), batch_size=batch)


def _one(kind, folder: Path, rank: int, world: int, meeting: Path, batch: int) -> None:
    dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=world)
    found = score(kind, folder, batch)
    (meeting.parent / f'{rank}.pickle').write_bytes(pickle.dumps(found))
    dist.destroy_process_group()


@pytest.mark.parametrize('kind', [organs, findings])
@pytest.mark.parametrize('world', [2, 3])
def test_processes_change_nothing(volumes, tmp_path, kind, world):
    folder = volumes
    if kind is findings:
        rng = np.random.default_rng(0)
        images, labels = rng.integers(0, 255, (13, 8, 8)), rng.integers(0, 2, (13, 3))
        np.savez(tmp_path / 'set.npz', train_images=images.astype(np.uint8), train_labels=labels)
        folder = tmp_path
    alone = score(kind, folder, 1)
    assert score(kind, folder, 3) == alone
    context = multiprocessing.get_context('fork')
    ranks = [
        context.Process(target=_one, args=(kind, folder, rank, world, tmp_path / 'meeting', 2)) for rank in range(world)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
        assert process.exitcode == 0
    assert [pickle.loads((tmp_path / f'{rank}.pickle').read_bytes()) for rank in range(world)] == [alone] * world
