"""A small labelled image set and a small exchange checkpoint, made once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import classification  # noqa: F401  (registers)
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.nets import make_net
from pretrain.registry import register_all

TINY = {'embed_dim': 24, 'num_heads': 2, 'depth': 2, 'patch_size': 4, 'img_size': 16}
CLASSES = ('blue', 'green', 'red')

register_all()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))


@pytest.fixture(scope='session')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train (3 x 12) and val (3 x 4) of 20-pixel images; a class is a colour under noise."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for part, count in (('train', 12), ('val', 4)):
        for channel, name in ((2, 'blue'), (1, 'green'), (0, 'red')):
            folder = root / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 120, (20, 20, 3))
                pixels[..., channel] += 80
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f'{i:02d}.png')
    return root


@pytest.fixture(scope='session')
def write_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`write_encoder(seed=0, **args)`: an exchange file of a tiny ViT with random weights."""

    def write(seed: int = 0, arch: str = 'vit_tiny_patch16_224', **args) -> Path:
        torch.manual_seed(seed)
        args = args or TINY
        net = make_net(arch, **args)
        folder = tmp_path_factory.mktemp('encoder')
        facts = {'method': 'MAE', 'initial_stage': 'mim', 'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
        exchange.write(folder / 'encoder.safetensors', net.state_dict(), card_for_net(net, arch, args, **facts))
        return folder / 'encoder.safetensors'

    return write


@pytest.fixture(scope='session')
def encoder_file(write_encoder: Callable[..., Path]) -> Path:
    return write_encoder()
