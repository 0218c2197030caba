"""Freezing, layer ids, recomputation, and that nothing in a backbone is without gradient."""

import pytest
import torch
from families import FAMILIES

from pretrain.dense import build_dense
from pretrain.dense.pyramid import FourLevels, SimpleFeaturePyramid
from pretrain.errors import ConfigError

pytestmark = pytest.mark.unit
CHOICES = {
    'mae': {'window': 5, 'global_blocks': [2], 'decomposed': True, 'prefix': False},
    'layer scale': {'tables': 'zero', 'levels': [0, 1, 2]},
}


@pytest.mark.parametrize('family', FAMILIES)
def test_every_trained_parameter_gets_a_gradient(encoder_file, family):
    dense, _ = build_dense(64, checkpoint=str(encoder_file(family)), **CHOICES.get(family, {}))
    for table in dense.parameters():
        if not table.any():
            torch.nn.init.normal_(table, std=0.02)
    sum(x.square().sum() for x in dense.train()(torch.randn(2, 3, 64, 64))).backward()
    lost = [name for name, p in dense.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    allowed = ('cls_token', 'rel_pos')  # single images of one row give no far distances
    assert not [name for name in lost if not any(word in name for word in allowed)]


def test_recomputed_activations_change_nothing(encoder_file):
    grads = []
    for checkpointing in (False, True):
        dense, _ = build_dense(64, checkpoint=str(encoder_file('beit')), checkpointing=checkpointing)
        dense.train()(torch.ones(1, 3, 64, 64))[0].square().sum().backward()
        grads.append([p.grad for p in dense.parameters() if p.grad is not None])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(('family', 'first'), [('mae', 'net.blocks.1.'), ('resnet50', 'net.layer2.0.')])
def test_frozen_layers_neither_train_nor_move(encoder_file, family, first):
    dense, _ = build_dense(64, checkpoint=str(encoder_file(family)), frozen=2)
    dense.train()
    trained = [name for name, p in dense.named_parameters() if p.requires_grad]
    assert trained[0].startswith(first)
    before = {name: t.clone() for name, t in dense.named_buffers()}
    dense(torch.randn(2, 3, 64, 64))
    for name, tensor in dense.named_buffers():
        frozen = name.startswith(('net.bn1', 'net.layer1'))
        if name.endswith('running_mean'):
            assert torch.equal(tensor, before[name]) == frozen, name


def test_layer_ids(encoder_file):
    dense, _ = build_dense(224, checkpoint=str(encoder_file('beit')), out_norm='new')
    ids = {name: dense.layer_id(name) for name, _ in dense.named_parameters()}
    assert dense.num_layers == 4
    assert ids['net.patch_embed.proj.weight'] == ids['net.cls_token'] == 0
    assert ids['net.blocks.2.attn.qkv.weight'] == ids['tables.2'] == 3
    assert ids['norms.0.weight'] == 4


def test_pyramids():
    maps = torch.randn(2, 32, 6, 8)
    levels = SimpleFeaturePyramid(32, 16)([maps])
    assert [tuple(x.shape[1:]) for x in levels] == [(16, 24, 32), (16, 12, 16), (16, 6, 8), (16, 3, 4), (16, 2, 2)]
    levels = FourLevels(32)([maps] * 4)
    assert [tuple(x.shape[1:]) for x in levels] == [(32, 24, 32), (32, 12, 16), (32, 6, 8), (32, 3, 4)]


def test_enlarged_patches_see_the_same_pixels(encoder_file):
    """Patches of 16 grown to 18: with zeros around the kernel, the middle of each patch gives what it gave."""
    small, _ = build_dense(64, checkpoint=str(encoder_file('mae')))
    large, start = build_dense(72, checkpoint=str(encoder_file('mae')), patch=18)
    images = torch.randn(1, 3, 64, 64)
    spread = torch.zeros(1, 3, 72, 72)
    for row in range(4):
        for column in range(4):
            block = images[..., row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
            spread[..., row * 18 + 1 : row * 18 + 17, column * 18 + 1 : column * 18 + 17] = block
    torch.testing.assert_close(large.eval()(spread)[0], small.eval()(images)[0])
    assert [entry['target'] for entry in start.report.resized] == ['patch_embed.proj.weight']
    assert large.strides == (18,)
    with pytest.raises(ConfigError, match='only grow'):
        build_dense(64, checkpoint=str(encoder_file('mae')), patch=14)


@pytest.mark.parametrize('family', ['mae', 'swin', 'resnet50', 'convnext'])
def test_outline_says_what_will_come_out(encoder_file, family):
    from pretrain.checkpoint.initial import card_of
    from pretrain.dense import outline

    dense, _ = build_dense(64, checkpoint=str(encoder_file(family)))
    channels, strides = outline(card_of(3, 64, checkpoint=str(encoder_file(family))))
    assert (tuple(channels), tuple(strides)) == (dense.channels, dense.strides)


def test_relative_tables_that_grow_are_in_the_report(encoder_file):
    _, start = build_dense(512, checkpoint=str(encoder_file('beit')))
    (first, *_) = start.report.resized
    assert first['target'] == 'blocks.0.attn.relative_position_bias_table'
    assert (first['from'][0], first['to'][0]) == (27 * 27 + 3, 63 * 63 + 3)


def test_a_choice_of_another_kind_of_network(encoder_file):
    with pytest.raises(ConfigError, match='a resnet backbone takes no window'):
        build_dense(64, checkpoint=str(encoder_file('resnet50')), window=7)


@pytest.mark.parametrize('arch', ['swin3d_tiny_patch2', 'point_tiny'])
def test_a_network_without_maps_of_images(arch):
    with pytest.raises(ConfigError, match=f'{arch} gives no maps of images'):
        build_dense(64, arch=arch)
