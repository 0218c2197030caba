"""Proxies of clips: of the encoder's own features, views from other moments, and the loss of their run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.checkpoint.load import build_net
from pretrain.data.build import build_dataset
from pretrain.encoders.net import features
from pretrain.engine import proxies
from pretrain.engine.launch import load_config
from pretrain.engine.proxies import rankme
from pretrain.engine.reconstruction import reconstruction_loss
from pretrain.record import Result, read_result
from tools.main import main

pytestmark = pytest.mark.smoke

MINI = Path(__file__).parents[2] / 'video' / 'configs' / 'mini'
CONFIG = MINI / 'videomae_vit-base-p16_proxies_1xb32-n25600_k400.py'
PRETRAIN = MINI / 'videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py'
SMALL = ['model.image_size=[4,16,16]', 'task.view_samples=4', 'task.views=3']
for _part in ('train', 'val'):
    SMALL += [f'{_part}_dataloader.num_workers=0', f'{_part}_dataloader.dataset.transform.resize=16']
    SMALL += [f'{_part}_dataloader.dataset.sampling.{key}' for key in ('frames=4', 'stride=1')]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))


@pytest.fixture
def measure(clips: Path, tmp_path: Path) -> Callable[..., Result]:
    """The part with 24 videos is the one that is looked at."""

    def run(file: Path, *options: str) -> Result:
        words = ['transfer', CONFIG, '--checkpoint', file, '--data', clips / 'val', '--val', clips / 'train']
        words += ['--work-dir', tmp_path / 'run', '--force', '--cfg-options', *SMALL, *options]
        assert main([*map(str, words)]) == 0
        return read_result(tmp_path / 'run')

    return run


def test_they_are_of_the_middle_window_of_each_video(clips: Path, clip_encoder: Callable, measure: Callable) -> None:
    file = clip_encoder()
    result = measure(file)
    net, _ = build_net(file)
    settings = load_config(CONFIG).val_dataloader.dataset.to_dict()
    settings['source'] = {'type': 'ClipFolder', 'root': str(clips / 'train')}
    settings['sampling'] |= {'frames': 4, 'stride': 1}
    settings['transform'] |= {'resize': 16}
    dataset = build_dataset(settings)
    pixels = torch.cat([dataset[i]['image'] for i in range(len(dataset))]).float() / 255
    x = features(net, (pixels - 0.5) / 0.25).mean(1).numpy()
    assert result.score == result.scores['rankme'] == pytest.approx(rankme(x), rel=1e-4)
    assert result.domain == 'video' and result.protocol.id == 'proxies-video-mini-8x32px'
    assert result.derived == {'samples': 24, 'view_samples': 4, 'views': 3}
    assert 'reconstruction_loss' not in result.scores and any('run directory' in note for note in result.notes)


def test_views_are_from_other_moments(
    clip_encoder: Callable, measure: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the crop is the whole frame only time is drawn, of clips as long as the video nothing; else the crop."""
    seen: list[np.ndarray] = []
    monkeypatch.setattr(proxies, 'lidar', lambda views: seen.append(views) or 1.0)
    whole = ['task.augment.scales=[1.0]']
    measure(clip_encoder(), *whole)
    long = [f'{part}_dataloader.dataset.sampling.stride=3' for part in ('train', 'val')]
    measure(clip_encoder(), *whole, *long)
    measure(clip_encoder(), 'task.augment.scales=[0.6]', *long)
    moments, same, crops = seen
    assert moments.shape == same.shape == crops.shape == (4, 3, 24)
    assert np.allclose(same, same[:, :1], atol=1e-5) and not np.allclose(moments, moments[:, :1], atol=1e-3)
    assert not np.allclose(crops, crops[:, :1], atol=1e-3)


def test_with_its_run_a_checkpoint_has_its_loss(clips: Path, measure: Callable, tmp_path: Path) -> None:
    model = ['image_size=[4,16,16]', 'encoder.embed_dim=24', 'encoder.depth=1', 'encoder.num_heads=2']
    options = [f'model.{option}' for option in (*model, 'head.width=16', 'head.depth=1', 'head.heads=2')]
    options += ['train_dataloader.dataset.sampling.frames=4', 'train_dataloader.dataset.transform.size=16']
    options += ['train_dataloader.batch_size=8', 'train_dataloader.num_workers=0', 'train_cfg.epochs=2']
    options += ['train_cfg.effective_batch=8']
    words = ['pretrain', PRETRAIN, '--data', clips / 'train', '--work-dir', tmp_path / 'made', '--cfg-options']
    assert main([*map(str, [*words, *options])]) == 0
    result = measure(tmp_path / 'made' / 'encoder.safetensors')
    assert result.scores['reconstruction_loss'] == reconstruction_loss(tmp_path / 'made', clips / 'train')
