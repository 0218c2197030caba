"""Proxies of point networks: of their own features, views as pre-training draws them, and the loss of their run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from point_files import class_folders

from pretrain.checkpoint.load import build_net
from pretrain.data.build import build_dataset
from pretrain.engine import proxies
from pretrain.engine.launch import load_config
from pretrain.engine.proxies import rankme
from pretrain.engine.reconstruction import reconstruction_loss
from pretrain.record import Result, read_result
from tools.main import main

pytestmark = pytest.mark.smoke

MINI = Path(__file__).parents[2] / 'pointcloud' / 'configs' / 'mini'
CONFIG = MINI / 'point-mae_vit-small_proxies_1xb32-n25600_modelnet40.py'
PRETRAIN = MINI / 'point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py'
SMALL = ['val_dataloader.num_workers=0', 'task.view_samples=5', 'task.views=3', 'model.num_points=64']
SMALL += [f'{part}_dataloader.dataset.transform.num_points=64' for part in ('train', 'val')]


@pytest.fixture(scope='module')
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train (2 x 2) and val (2 x 10)."""
    root = tmp_path_factory.mktemp('clouds')
    for part, count in (('train', 2), ('val', 10)):
        class_folders(root / part, clouds=count, n=80)
    return root


@pytest.fixture(scope='module')
def run(clouds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished pre-training of 15 updates."""
    folder = tmp_path_factory.mktemp('pretraining') / 'run'
    encoder = ['embed_dim=24', 'depth=1', 'num_heads=2', 'num_groups=8', 'group_size=8', 'group_inner=(8,16,32)']
    options = [f'model.encoder.{option}' for option in encoder]
    options += ['model.num_points=64', 'model.head.depth=1', 'model.head.heads=2', 'train_cfg.epochs=5']
    options += ['train_cfg.effective_batch=8', 'train_dataloader.batch_size=8', 'train_dataloader.num_workers=0']
    options += ['train_dataloader.dataset.least=8', 'train_dataloader.dataset.transform.num_points=64']
    words = ['pretrain', PRETRAIN, '--data', clouds / 'val', '--work-dir', folder, '--cfg-options', *options]
    assert main([*map(str, words)]) == 0
    return folder


def words(clouds: Path, folder: Path, *options: str) -> list[str]:
    """Without a checkpoint."""
    found = ['transfer', CONFIG, '--data', clouds / 'train', '--val', clouds / 'val', '--work-dir', folder / 'measured']
    return [*map(str, found), '--force', '--cfg-options', *SMALL, *options, '--checkpoint']


def measure(clouds: Path, folder: Path, file: Path, *options: str) -> Result:
    assert main([*words(clouds, folder, *options), str(file)]) == 0
    return read_result(folder / 'measured')


def test_they_are_of_the_groups_of_each_cloud(clouds: Path, run: Path, tmp_path: Path) -> None:
    """RankMe by hand: the maximum and the mean over groups of every cloud as evaluation sees it."""
    file = run / 'encoder.safetensors'
    result = measure(clouds, tmp_path, file)
    settings = load_config(CONFIG).val_dataloader.dataset.to_dict()
    settings['source'] = {'type': 'PointFolder', 'root': str(clouds / 'val')}
    settings['transform']['num_points'] = 64
    dataset = build_dataset(settings)
    net, _ = build_net(file)
    with torch.no_grad():
        tokens = net.eval().forward_features(torch.stack([dataset[i]['points'] for i in range(20)]))
    tokens = tokens[:, net.num_prefix_tokens :]
    x = (tokens.amax(1) + tokens.mean(1)).numpy()
    assert result.score == result.scores['rankme'] == pytest.approx(rankme(x), rel=1e-4)
    assert result.domain == 'pointcloud' and result.protocol.id == 'proxies-points-mini'
    assert result.derived == {'samples': 20, 'view_samples': 5, 'views': 3}
    assert result.scores['reconstruction_loss'] == reconstruction_loss(run, clouds / 'val')


def test_views_are_of_the_same_cloud_and_augmented(
    clouds: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []
    monkeypatch.setattr(proxies, 'lidar', lambda views: seen.append(views) or 1.0)
    plain = ['task.augment.sample=farthest', 'task.augment.translate=0.0', 'task.augment.scale=(1.0,1.0)']
    measure(clouds, tmp_path, run / 'encoder.safetensors', *plain)
    measure(clouds, tmp_path, run / 'encoder.safetensors')
    same, drawn = seen
    assert same.shape == drawn.shape == (5, 3, 24)
    assert np.allclose(same, same[:, :1], atol=1e-5)
    assert len({tuple(np.round(cloud[0], 4)) for cloud in same}) == 5
    assert not np.isclose(drawn[:, 0], drawn[:, 1], atol=1e-2).all(1).any()


def test_a_misspelt_augmentation_is_one_line(
    clouds: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    capsys.readouterr()
    assert main([*words(clouds, tmp_path, 'task.augment.scal=(1.0,1.0)'), str(run / 'encoder.safetensors')]) == 2
    said = capsys.readouterr().err
    assert 'scal' in said and said.count('\n') == 1, said
