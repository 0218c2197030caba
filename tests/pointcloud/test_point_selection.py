"""The epoch is chosen on held-out clouds, not on the test set, and survives a stop."""

from types import SimpleNamespace

import pytest
import torch
from point_files import class_folders

import pointcloud  # noqa: F401
from pointcloud import selection
from pointcloud.datasets import PointDataset
from pointcloud.selection import HeldOut, SelectHook
from pointcloud.sources import PointFolder
from pointcloud.transforms import PointTransform
from pretrain.engine.record import Scores
from pretrain.errors import ConfigError

pytestmark = pytest.mark.unit


def runner(folder, source, scores, monkeypatch):
    """A stand-in for the engine: five epochs of one update; the model's only weight is the number of the epoch."""
    settings = dict(
        type='PointDataset', labels=True, least=16, source='test set', transform=dict(type='PointTransform')
    )
    found = SimpleNamespace(
        cfg=SimpleNamespace(val_dataloader=dict(batch_size=4, dataset=settings), task=dict(type='PointClassify')),
        train_loop=SimpleNamespace(
            dataset=PointDataset(source, PointTransform(16, few='repeat'), labels=True, least=16), per_epoch=1
        ),
        folder=folder,
        rank=0,
        iter=0,
        max_iters=5,
        bare_model=torch.nn.Linear(1, 1, bias=False),
        logger=SimpleNamespace(info=lambda text: None),
    )
    found.bare_model.num_classes = 2
    evaluated = []

    def evaluate(model, dataset, metric, **loading):
        evaluated.append({dataset.source.name(i) for i in range(len(dataset))})
        return Scores({'top1': scores[found.iter - 1]})

    monkeypatch.setattr(selection, 'evaluate', evaluate)
    return found, evaluated


def train(found, hook, until=5):
    while found.iter < until:
        found.iter += 1
        torch.nn.init.constant_(found.bare_model.weight, found.iter)
        hook.after_update(found, found.iter / 5)


def test_the_best_epoch_on_held_out_clouds_is_the_one_that_stays(tmp_path, monkeypatch):
    source = HeldOut(PointFolder(str(class_folders(tmp_path / 'data', clouds=10))), 0.3)
    found, evaluated = runner(tmp_path, source, [0.2, 0.9, 0.9, 0.5, 0.1], monkeypatch)
    hook = SelectHook()
    hook.before_train(found)
    train(found, hook)
    hook.after_train(found)
    assert float(found.bare_model.weight) == 2  # the earlier of two equal ones, not the last
    trained = {source.name(i) for i in range(len(source))}
    assert all(len(names) == 6 and not names & trained for names in evaluated)


def test_a_resumed_run_remembers_the_best(tmp_path, monkeypatch):
    source = HeldOut(PointFolder(str(class_folders(tmp_path / 'data', clouds=10))), 0.3)
    found, _ = runner(tmp_path, source, [0.2, 0.9, 0.4, 0.5, 0.1], monkeypatch)
    hook = SelectHook()
    hook.before_train(found)
    train(found, hook, until=3)
    again = SelectHook()
    again.before_train(found)
    train(found, again)
    again.after_train(found)
    assert float(found.bare_model.weight) == 2


def test_selection_without_held_out_clouds_is_refused(tmp_path, monkeypatch):
    source = PointFolder(str(class_folders(tmp_path / 'data')))
    found, _ = runner(tmp_path, source, [], monkeypatch)
    with pytest.raises(ConfigError, match='is no HeldOut'):
        SelectHook().before_train(found)
