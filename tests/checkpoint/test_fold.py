"""Rewriting biases and scales keeps the function."""

import pytest
import torch
from foreign_files import beit_state, random, vit_features, vit_state

from pretrain.checkpoint.fold import fold_layer_scale, fuse_qkv_bias, split_qkv_bias
from pretrain.errors import CheckpointError

pytestmark = pytest.mark.unit


def test_fusing_q_and_v_biases_keeps_the_function():
    state, images = beit_state(), torch.randn(2, 3, 20, 20)
    before = vit_features(state)(images)
    for i in range(2):
        pair = [state.pop(f'blocks.{i}.attn.{part}_bias') for part in 'qv']
        state[f'blocks.{i}.attn.qkv.bias'] = fuse_qkv_bias(*pair)
    torch.testing.assert_close(vit_features(state)(images), before, rtol=0, atol=1e-6)


def test_dropping_the_key_bias_keeps_the_function():
    state, images = vit_state(), torch.randn(2, 3, 20, 20)
    before = vit_features(state)(images)
    for i in range(2):
        bias = state.pop(f'blocks.{i}.attn.qkv.bias')
        assert bias[48:96].abs().max() > 0.1  # there is a key bias to lose
        state[f'blocks.{i}.attn.q_bias'], state[f'blocks.{i}.attn.v_bias'] = split_qkv_bias(bias)
    torch.testing.assert_close(vit_features(state)(images), before, rtol=0, atol=1e-5)


@pytest.mark.parametrize('names', ['beit', 'timm vit'])
def test_folding_layer_scale_keeps_the_function(names):
    from pretrain.encoders.net import create_net, features

    images = torch.randn(2, 3, 20, 20)
    if names == 'beit':
        state = beit_state()
        before, after = vit_features(state)(images), vit_features(fold_layer_scale(state))(images)
    else:
        args = {'img_size': 20, 'patch_size': 4, 'embed_dim': 48, 'depth': 2, 'num_heads': 3}
        scaled, plain = (create_net('vit_base_patch16_224', **args, init_values=v) for v in (0.5, None))
        with torch.no_grad():
            for name, value in scaled.named_parameters():
                value.copy_(random(*value.shape) + name.endswith('weight'))
        state = scaled.state_dict()
        plain.load_state_dict(fold_layer_scale(state))
        before, after = features(scaled, images), features(plain, images)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert not any('gamma' in name for name in fold_layer_scale(state))
    assert any('gamma' in name for name in state)  # the argument is left alone


def test_a_scale_without_its_layer_is_refused():
    with pytest.raises(CheckpointError, match=r'blocks\.0\.gamma_1.*attn\.proj'):
        fold_layer_scale({'blocks.0.gamma_1': torch.ones(4)})
