"""Small encoded videos, and a small exchange checkpoint of clips, made once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numbered_video import write_numbered

import video  # noqa: F401  (registers)
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.initial import random_net
from pretrain.checkpoint.nets import make_net
from pretrain.registry import register_all
from video.encode import write_video

TINY = {'embed_dim': 24, 'num_heads': 2, 'depth': 2, 'patch_size': (2, 8, 8), 'img_size': (4, 16, 16)}
CLASSES = ('down', 'still', 'up')

register_all()


def moving(direction: int, rng: np.random.Generator, count: int = 12, side: int = 32) -> list[np.ndarray]:
    """A bright bar that moves by so many rows a frame, over noise."""
    rows = np.arange(side)[:, None]
    start = int(rng.integers(8, side - 8)) - direction * count // 2
    frames = []
    for i in range(count):
        frame = rng.integers(0, 40, (side, side, 3))
        frame += 180 * (np.abs(rows - start - direction * i) < 4)[..., None]
        frames.append(frame.clip(0, 255).astype(np.uint8))
    return frames


@pytest.fixture(scope='session')
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train (3 x 8) and val (3 x 3) of mp4 files; the class is how a bar moves."""
    root, rng = tmp_path_factory.mktemp('clips'), np.random.default_rng(0)
    for part, count in (('train', 8), ('val', 3)):
        for direction, name in ((2, 'down'), (0, 'still'), (-2, 'up')):
            for i in range(count):
                write_video(root / part / name / f'{i:02d}.mp4', moving(direction, rng))
    return root


@pytest.fixture(scope='session')
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 60 frames with several key frames; frame i is of grey level 4 i."""
    return write_numbered(tmp_path_factory.mktemp('numbered') / 'numbered.mp4')


@pytest.fixture(scope='session')
def clip_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`clip_encoder(seed=0, **args)`: an exchange file of a tiny network of clips with random weights."""

    def write(seed: int = 0, arch: str = 'vit3d_tiny_patch16', position: str = 'sincos-1d', **args) -> Path:
        torch.manual_seed(seed)
        args = {**TINY, 'class_token': False, **args}
        net = make_net(arch, **args)
        facts = {'method': 'VideoMAE', 'initial_stage': 'mim', 'mean': (0.5,) * 3, 'std': (0.25,) * 3}
        card = card_for_net(net, arch, args, **facts)
        if position.startswith('sincos'):
            card.position = position  # type: ignore[assignment]
            net = random_net(card, args['img_size'])
        folder = tmp_path_factory.mktemp('encoder')
        exchange.write(folder / 'encoder.safetensors', net.state_dict(), card)
        return folder / 'encoder.safetensors'

    return write
