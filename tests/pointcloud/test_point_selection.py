"""The epoch is chosen on held-out clouds, not on the test set, and survives a stop."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from point_files import class_folders, cloud, shapenet_part

import pointcloud  # noqa: F401
from pointcloud import selection
from pointcloud.datasets import PointDataset
from pointcloud.fewshot import Shots
from pointcloud.parts import ShapeNetPart
from pointcloud.selection import HeldOut, SelectHook
from pointcloud.sources import PointFolder
from pointcloud.transforms import PointTransform
from pretrain.engine.evaluation import EvalHook
from pretrain.engine.hooks import SaveHook
from pretrain.errors import CheckpointError, ConfigError, DataError
from pretrain.record import Scores

pytestmark = pytest.mark.unit
VOTES = dict(count=10, scale=(1, 1), translate=0.0)


def runner(folder, source, scores, monkeypatch):
    """A stand-in for the engine: five epochs of one update; the model's only weight is the number of the epoch."""
    settings = dict(
        type='PointDataset', labels=True, least=16, source='test set', transform=dict(type='PointTransform')
    )
    found = SimpleNamespace(
        cfg=SimpleNamespace(
            val_dataloader=dict(batch_size=4, dataset=settings), task=dict(type='PointClassify', votes=VOTES)
        ),
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
        assert not metric.votes  # a look needs one pass
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


@pytest.mark.parametrize('hook', [SelectHook(), EvalHook()], ids=['select', 'eval'])
def test_a_look_comes_before_the_checkpoint_of_its_epoch(hook):
    """A kill during a look that follows the checkpoint would lose it: the resumed run begins behind it."""
    found = SimpleNamespace(_hooks=[])
    for each in (SaveHook(), hook):
        Runner.register_hook(found, each)
    assert found._hooks[0] is hook


def test_lost_weights_are_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    source = HeldOut(PointFolder(str(class_folders(tmp_path / 'data', clouds=10))), 0.3)
    found, _ = runner(tmp_path, source, [0.2] * 5, monkeypatch)
    hook = SelectHook()
    hook.before_train(found)
    with pytest.raises(CheckpointError, match=r'selected\.pth is gone.*--force'):
        hook.after_train(found)


def test_chosen_clouds_keep_the_parts_of_their_points(tmp_path):
    source = ShapeNetPart(str(shapenet_part(tmp_path / 's', per_split=6)), 'train')
    for chosen in (HeldOut(source, 0.3), HeldOut(source, 0.3).other(), Shots(source, 2)):
        assert chosen.has_parts and chosen.parts == [[0, 1, 2, 3], [36, 37]] and chosen.num_parts == 38
        sample = PointDataset(chosen, PointTransform(30, sample='replace'), labels=True)[0]
        assert sample['parts'].shape == (30,)


@pytest.mark.parametrize('kind', [lambda s: HeldOut(s, 0.3), lambda s: Shots(s, 1)], ids=['HeldOut', 'Shots'])
def test_choosing_needs_labels(kind, tmp_path):
    for i in range(3):
        np.save(tmp_path / f'{i}.npy', cloud(40))
    with pytest.raises(DataError, match=r'0\.npy. has no label, which (HeldOut|Shots) needs'):
        kind(PointFolder(str(tmp_path)))
