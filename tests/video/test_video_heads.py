"""Heads: what they are given is used."""

import pytest
import torch
from torch import nn

from pretrain.errors import ConfigError
from video.heads import KINDS, build_head

pytestmark = pytest.mark.unit


def net(prefix: int = 1) -> nn.Module:
    module = nn.Module()
    module.num_features, module.cls_token = 8, torch.zeros(1, 1, 8) if prefix else None
    return module


@pytest.mark.parametrize('kind', KINDS)
def test_every_head_drops_out(kind: str) -> None:
    """Two passes in training differ; in evaluation dropout does nothing."""
    torch.manual_seed(0)
    head, tokens = build_head(kind, net(), 3, 0.5, 0.5), torch.randn(4, 5, 8)
    assert not torch.allclose(head(tokens, 1), head(tokens, 1))
    plain = build_head(kind, net(), 3, 0.5, 0.0).eval()
    plain.load_state_dict(head.state_dict())
    torch.testing.assert_close(head.eval()(tokens, 1), plain(tokens, 1))


def test_wrong_heads() -> None:
    with pytest.raises(ConfigError, match='allowed: mean, cls, probe, attentive'):
        build_head('linear', net(), 3, 0.02, 0.0)
    with pytest.raises(ConfigError, match='no class token'):
        build_head('cls', net(0), 3, 0.02, 0.0)
