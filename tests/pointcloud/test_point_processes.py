"""The scores of clouds and parts are the same on 1, 2 and 3 processes, to the last bit."""

import multiprocessing
import pickle
from pathlib import Path

import pytest
import torch
from point_files import class_folders, shapenet_part
from torch import distributed as dist
from torch import nn

import pointcloud  # noqa: F401  (registers)
from pointcloud.datasets import PointDataset
from pointcloud.metrics import CloudAccuracy, PartIoU
from pretrain.engine.evaluation import evaluate

pytestmark = pytest.mark.unit


class Extents(nn.Module):
    """Predicts from the points of a cloud alone, so that no batch changes the rounding."""

    num_points = 32

    def data_preprocessor(self, batch: dict) -> dict:
        return batch

    def logits(self, points: torch.Tensor) -> torch.Tensor:
        return torch.stack([p.double().abs().mean(0) * p.new_tensor((1, 1, 0.3)) for p in points])[:, [0, 2]]

    def predict(self, batch: dict) -> dict:
        if 'parts' not in batch:
            return {'logits': self.logits(batch['points'][:, : self.num_points])}
        return {'logits': torch.stack([torch.cos(7 * p[:, :1] + torch.arange(50)) for p in batch['points']])}

    def vote(self, batch: dict, votes: int) -> torch.Tensor:
        return -self.logits(batch['points'][:, votes:])


def clouds(folder: Path):
    transform = dict(type='PointTransform', num_points=64, few='repeat')
    data = PointDataset(dict(type='PointFolder', root=str(folder)), transform, labels=True)
    return Extents(), data, CloudAccuracy(len(data), 2, votes=dict(count=5))


def parts(folder: Path):
    transform = dict(type='PointTransform', num_points=40, few='repeat')
    source = dict(type='ShapeNetPart', root=str(folder), part='test')
    data = PointDataset(source, transform, labels=True)
    return Extents(), data, PartIoU(len(data), data.source.parts, data.source.classes)


def score(kind, folder: Path, batch: int):
    torch.set_num_threads(1)
    return evaluate(*kind(folder), batch_size=batch)


def _one(kind, folder: Path, rank: int, world: int, meeting: Path) -> None:
    dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=world)
    found = score(kind, folder, 2)
    (meeting.parent / f'{rank}.pickle').write_bytes(pickle.dumps(found))
    dist.destroy_process_group()


@pytest.mark.parametrize(('kind', 'write'), [(clouds, class_folders), (parts, shapenet_part)])
@pytest.mark.parametrize('world', [2, 3])
def test_processes_change_nothing(tmp_path: Path, kind, write, world: int) -> None:
    folder = write(tmp_path / 'data')
    alone = score(kind, folder, 1)
    assert score(kind, folder, 3) == alone
    if kind is clouds:
        assert alone.overall['top1'] == 1 and alone.overall['top1_vote'] == 0, 'the votes here are for the other class'
    context = multiprocessing.get_context('fork')
    ranks = [context.Process(target=_one, args=(kind, folder, n, world, tmp_path / 'meeting')) for n in range(world)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
        assert process.exitcode == 0
    assert [pickle.loads((tmp_path / f'{n}.pickle').read_bytes()) for n in range(world)] == [alone] * world
