"""MAE's recipe against MMSegmentation's own MAE: the same maps from the same weights, the same optimiser groups."""

import re
from collections import Counter

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from mmseg.engine.optimizers import LayerDecayOptimizerConstructor

import seg_mmsegmentation  # noqa: F401  (registers)
from pretrain.engine.groups import param_groups
from pretrain.registry import MODELS, register_all

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore', 'ignore:DeprecationWarning', 'ignore:torch.meshgrid'),
]
HEAD = dict(
    type='FCNHead', in_channels=32, in_index=3, channels=8, num_convs=1, num_classes=3, norm_cfg=dict(type='BN')
)
THEIRS = dict(
    backbone=dict(
        type='MAE',
        img_size=(32, 48),
        patch_size=8,
        embed_dims=32,
        num_layers=4,
        num_heads=2,
        mlp_ratio=4,
        init_values=1.0,
        out_indices=[0, 1, 2, 3],
    ),
    neck=dict(type='Feature2Pyramid', embed_dim=32, rescales=[4, 2, 1, 0.5], norm_cfg=dict(type='BN')),
)
OURS = dict(
    backbone=dict(
        type='MIMBackbone',
        image_size=(32, 48),
        arch='vit_tiny_patch16_224',
        arch_args=dict(patch_size=8, embed_dim=32, depth=4, num_heads=2),
        tables='zero',
        layer_scale=1.0,
        levels=[0, 1, 2, 3],
        four_levels=True,
    )
)
NAMES = (
    (r'^neck\.upsample_4x\.', 'backbone.scales.scales.0.'),
    (r'^neck\.upsample_2x\.0\.', 'backbone.scales.scales.1.'),
    (r'^backbone\.layers\.(\d+)\.attn\.relative_position_bias_table', r'backbone.encoder.tables.\1'),
    (r'^backbone\.layers\.', 'backbone.encoder.net.blocks.'),
    (r'^backbone\.(cls_token|pos_embed|patch_embed)', r'backbone.encoder.net.\1'),
    (r'patch_embed\.projection', 'patch_embed.proj'),
    (r'\.ln(\d)\.', r'.norm\1.'),
    (r'\.ffn\.layers\.0\.0\.', '.mlp.fc1.'),
    (r'\.ffn\.layers\.1\.', '.mlp.fc2.'),
    (r'\.gamma_(\d)', r'.ls\1.gamma'),
)
"""From their names of parameters to ours."""


def build(parts: dict) -> nn.Module:
    cfg = Config(dict(type='EncoderDecoder', **parts, decode_head=HEAD, test_cfg=dict(mode='whole')))
    register_all()
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(cfg._cfg_dict).eval()


@torch.no_grad()
def test_the_same_maps() -> None:
    theirs, ours = build(THEIRS), build(OURS)
    state = {}
    for name, tensor in theirs.state_dict().items():
        if not name.endswith('relative_position_index'):
            tensor = torch.randn_like(tensor) * 0.2 if tensor.is_floating_point() and 'running' not in name else tensor
            theirs.state_dict()[name].copy_(tensor)
            for pattern, ours_name in NAMES:
                name = re.sub(pattern, ours_name, name)
            state[name] = tensor
    ours.load_state_dict(state)
    images = torch.randn(2, 3, 32, 48)
    for found, expected in zip(ours.extract_feat(images), theirs.extract_feat(images), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_same_optimiser_groups() -> None:
    """Parameters by learning-rate factor and weight decay, the decay of positions and class token included."""
    optimizer = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05))
    published = LayerDecayOptimizerConstructor(optimizer, dict(num_layers=4, layer_decay_rate=0.65))
    groups: list[dict] = []
    published.add_params(groups, build(THEIRS))

    def table(groups: list[dict]) -> Counter:
        found: Counter = Counter()
        for group in groups:
            key = (round(group['lr_scale'], 9), group['weight_decay'])
            found[key] += sum(p.numel() for p in group['params'])
        return found

    rules = {'no_decay': ['1d'], 'layer_decay': 0.65}
    expected = table(groups)
    assert table(param_groups(build(OURS), 1e-4, 0.05, rules)) == expected
    assert table(param_groups(build(OURS), 1e-4, 0.05, {**rules, 'no_decay': ['1d', 'tokens']})) != expected
