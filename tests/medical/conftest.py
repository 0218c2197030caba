"""Small volumes in decathlon layout and a small volume encoder, made once."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

pytest.importorskip('monai')

import medical  # noqa: F401  (registers)
from medical.procedural import write_volumes
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.nets import make_net
from pretrain.registry import register_all

register_all()

TINY = {'img_size': (16, 16, 16), 'patch_size': (4, 4, 4), 'in_chans': 1, 'embed_dim': 24, 'depth': 2, 'num_heads': 2}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))


@pytest.fixture(scope='session')
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a list with 6 training and 3 validation volumes of about 18 voxels per axis."""
    folder = tmp_path_factory.mktemp('volumes')
    write_volumes(folder, train=6, val=3, side=18)
    return folder


@pytest.fixture(scope='session')
def write_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`write_encoder(arch=..., **args)`: an exchange file of a tiny network with random weights."""

    def write(arch: str = 'vit3d_tiny_patch16', seed: int = 0, facts: dict | None = None, **args) -> Path:
        torch.manual_seed(seed)
        args = args or dict(TINY)
        net = make_net(arch, **args)
        folder = tmp_path_factory.mktemp('encoder')
        card = card_for_net(net, arch, args, **{'method': 'MAE', 'initial_stage': 'mim', **(facts or {})})
        exchange.write(folder / 'encoder.safetensors', net.state_dict(), card)
        return folder / 'encoder.safetensors'

    return write
