"""What holds for every target: no gradient, fp32, one goal per token, nothing in checkpoints, no graph break."""

import pytest
import torch

from pretrain.encoders.net import create_net
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.ema import EMATeacher
from pretrain.targets.tokens import TokenIds

pytestmark = pytest.mark.unit

CONFIGS = {
    'pixels': {'type': 'Pixels', 'normalise': 'patch'},
    'hog': {'type': 'HOG', 'cell': 4},
    'spectrum': {'type': 'Spectrum'},
    'ids': {'type': 'TokenIds', 'view': 'second'},
    'soft ids': {'type': 'TokenIds', 'view': 'second', 'soft': True},
    'features': {'type': 'TeacherFeatures', 'teacher': 'ema'},
}


@pytest.fixture(params=CONFIGS)
def target(request, vq):
    cfg = {**CONFIGS[request.param], 'patch': 8, 'image_size': (16, 24), 'mean': [0.5] * 3, 'std': [0.5] * 3}
    if cfg['type'] == 'TokenIds':
        cfg.pop('type')
        return TokenIds(vq, **cfg)
    target = MODELS.build(cfg)
    if hasattr(target, 'attach'):
        target.attach(EMATeacher(_net()))
    return target


def _net():
    args = {'img_size': (16, 24), 'patch_size': 8, 'embed_dim': 24, 'depth': 2, 'num_heads': 3}
    return create_net('vit_tiny_patch16_224', **args)


@pytest.fixture
def batch():
    return {'image': torch.randn(2, 3, 16, 24, requires_grad=True), 'second': torch.rand(2, 3, 8, 12)}


@pytest.fixture
def mask():
    return Mask(torch.tensor([[1, 0, 0, 1, 1, 0], [0, 1, 1, 0, 0, 1]], dtype=torch.uint8), TokenGrid((2, 3), (8, 8)))


def test_goal(target, batch, mask):
    with torch.autocast('cpu', torch.bfloat16):
        goal = target(batch, mask)
    assert not goal.requires_grad
    assert goal.dtype in (torch.float32, torch.int64)
    assert goal.shape[0] == 2
    if type(target).__name__ != 'Spectrum':
        assert goal.shape[1] == 6
        assert goal.dim() == 2 or goal.shape[2] == target.dim


def test_nothing_to_save_or_train(target):
    assert not target.state_dict() and not list(target.parameters())


def test_compiles_without_a_graph_break(target, batch, mask):
    compiled = torch.compile(lambda b: target(b, mask), backend='eager', fullgraph=True)
    torch.testing.assert_close(compiled(batch), target(batch, mask))
