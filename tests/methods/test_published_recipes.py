"""The multi-GPU recipes state what was published: checked against the figures of the sources, and built without memory.

A new recipe is one config and one row here.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.registry import MODELS, PARAM_SCHEDULERS, register_all

pytestmark = pytest.mark.unit
CONFIGS = Path(__file__).resolve().parents[2] / 'pretrain' / 'configs'
IMAGES = 1_281_167
register_all()


@dataclass
class Row:
    """What the papers' code says. Sources: the docstrings of the configs."""

    config: str
    batch: int
    lr: float
    betas: tuple
    clip: float | None
    warmup: int
    epochs: int
    last_factor: float
    crop: float
    interpolation: str
    tokens: int
    hidden: int | None
    parameters: float
    decayed: tuple
    spared: tuple


MAE = dict(
    batch=4096,
    lr=2.4e-3,
    betas=(0.9, 0.95),
    clip=None,
    warmup=40,
    epochs=800,
    last_factor=0.0,
    crop=0.2,
    interpolation='bicubic',
    tokens=196,
    hidden=147,
    decayed=('encoder.net.cls_token', 'head.mask_token', 'encoder.net.blocks.0.attn.qkv.weight'),
    spared=('encoder.net.blocks.0.norm1.weight', 'encoder.net.blocks.0.attn.qkv.bias'),
)
SIMMIM = dict(
    batch=2048,
    betas=(0.9, 0.999),
    clip=5.0,
    warmup=10,
    crop=0.67,
    interpolation='bilinear',
)
BEIT = dict(
    batch=2048,
    lr=1.5e-3,
    betas=(0.9, 0.999),
    clip=3.0,
    warmup=10,
    epochs=800,
    last_factor=1e-5 / 1.5e-3,
    crop=0.08,
    interpolation='bicubic',
    tokens=196,
    hidden=None,
    decayed=('encoder.mask_token', 'encoder.net.rel_pos_bias.relative_position_bias_table'),
    spared=('encoder.net.cls_token', 'encoder.net.blocks.0.gamma_1'),
)
MASKFEAT = dict(
    batch=2048,
    lr=1.6e-3,
    betas=(0.9, 0.999),
    clip=0.02,
    warmup=30,
    epochs=300,
    last_factor=1e-6 / 1.6e-3,
    crop=0.5,
    interpolation='bicubic',
    tokens=196,
    hidden=None,
    decayed=('encoder.net.pos_embed', 'encoder.net.cls_token', 'encoder.mask_token'),
    spared=('head.norm.weight', 'head.prediction.bias'),
)
A2MIM_VIT = dict(
    SIMMIM,
    lr=4e-4,
    epochs=800,
    last_factor=0.1,
    interpolation='bilinear',
    tokens=196,
    hidden=120,
    decayed=('encoder.net.blocks.0.attn.relative_position_bias_table',),
    spared=('encoder.mask_token', 'encoder.net.cls_token', 'encoder.net.pos_embed', 'encoder.net.blocks.0.gamma_1'),
)
A2MIM_CNN = dict(
    batch=2048,
    lr=1.2e-3,
    betas=(0.9, 0.999),
    clip=None,
    warmup=10,
    epochs=300,
    last_factor=1e-5 / 1.2e-3,
    crop=0.8,
    interpolation='bilinear',
    tokens=196,
    hidden=120,
)

ROWS = [
    Row('mae_vit-base-p16_dec512x8_8xb512-800e_in1k', parameters=111.9, **MAE),
    Row('mae_vit-large-p16_dec512x8_8xb128-800e_in1k', parameters=329.5, **MAE),
    Row('mae_vit-huge-p14_dec512x8_8xb64-800e_in1k', parameters=657.1, **{**MAE, 'tokens': 256, 'hidden': 192}),
    Row(
        'simmim_vit-base-p16_pixelshuffle_8xb256-800e_in1k',
        lr=4e-4,
        epochs=800,
        last_factor=0.1,
        tokens=196,
        hidden=120,
        parameters=86.3,
        decayed=('encoder.net.rel_pos_bias.relative_position_bias_table',),
        spared=('encoder.mask_token', 'encoder.net.cls_token', 'encoder.net.blocks.3.gamma_2'),
        **SIMMIM,
    ),
    Row(
        'simmim_swin-base-w6_pixelshuffle_8xb256-100e_in1k-192px',
        lr=8e-4,
        epochs=100,
        last_factor=0.05,
        tokens=48 * 48,
        hidden=22 * 64,
        parameters=89.9,
        decayed=('encoder.net.layers.0.blocks.0.attn.qkv.weight',),
        spared=('encoder.mask_token', 'encoder.net.layers.2.blocks.5.attn.relative_position_bias_table'),
        **SIMMIM,
    ),
    Row('beit_vit-base-p16_linear_8xb256-800e_in1k', parameters=92.0, **BEIT),
    Row('beit_vit-large-p16_linear_8xb64-800e_in1k', parameters=311.6, **BEIT),
    Row('maskfeat_vit-base-p16_linear_8xb256-300e_in1k', parameters=85.9, **MASKFEAT),
    Row('maskfeat_vit-large-p16_linear_8xb64-300e_in1k', parameters=303.4, **MASKFEAT),
    Row('a2mim_vit-base-p16_pixelshuffle_8xb128-800e_in1k', parameters=86.5, **A2MIM_VIT),
    Row('a2mim_vit-small-p16_pixelshuffle_8xb256-800e_in1k', parameters=48.6, **A2MIM_VIT),
    Row(
        'a2mim_resnet50_pixelshuffle_8xb256-300e_in1k',
        parameters=29.8,
        decayed=('encoder.net.conv1.weight',),
        spared=('encoder.mask_token', 'encoder.gamma', 'encoder.net.bn1.weight'),
        **A2MIM_CNN,
    ),
    Row(
        'a2mim_resnet101_pixelshuffle_8xb256-300e_in1k',
        parameters=48.8,
        decayed=('encoder.net.conv1.weight',),
        spared=('encoder.mask_token', 'encoder.gamma', 'encoder.net.bn1.weight'),
        **A2MIM_CNN,
    ),
    Row(
        'a2mim_convnext-small_pixelshuffle_8xb256-300e_in1k',
        parameters=51.8,
        decayed=('encoder.net.stem.0.weight',),
        spared=('encoder.mask_token', 'encoder.gamma'),
        **{**A2MIM_CNN, 'tokens': 49, 'hidden': 30},
    ),
]


def test_every_published_config_has_a_row():
    assert {row.config for row in ROWS} == {path.stem for path in CONFIGS.glob('*.py')}


@pytest.fixture(params=ROWS, ids=lambda row: row.config)
def row(request):
    return request.param


@pytest.fixture
def cfg(row):
    return load_config(CONFIGS / f'{row.config}.py')


def test_data(row, cfg):
    transform = cfg.train_dataloader.dataset.transform
    assert transform.scale == (row.crop, 1.0)
    assert transform.interpolation == row.interpolation
    assert transform.get('color_jitter') == ((0.4, 0.4, 0.4) if row.config.startswith('beit') else None)
    assert transform.size == cfg.model.get('image_size', 224)


@pytest.mark.parametrize('gpus', [1, 8, 64])
def test_effective_batch_and_learning_rate_on_any_number_of_gpus(row, cfg, gpus):
    derived = derive(cfg, gpus)
    assert derived.effective_batch == row.batch == gpus * derived.batch_size * derived.accumulation
    assert derived.lr == pytest.approx(row.lr, rel=1e-12)
    if gpus == 8:
        assert f'_8xb{derived.batch_size}-' in row.config


def test_schedule(row, cfg):
    derived = derive(cfg, 8)
    per_epoch = IMAGES // derived.effective_batch
    schedule = PARAM_SCHEDULERS.build(dict(cfg.param_scheduler, total=row.epochs * per_epoch, per_epoch=per_epoch))
    assert cfg.train_cfg.epochs == cfg.recipe.epochs == row.epochs
    assert schedule.warmup == row.warmup * per_epoch
    assert schedule(schedule.warmup) == pytest.approx(1, abs=0.03)
    assert schedule(schedule.warmup // 2) == pytest.approx(0.5, abs=0.02)
    assert schedule(row.epochs * per_epoch - 1) == pytest.approx(row.last_factor, abs=1e-5)


def test_optimiser_groups(row, cfg):
    check_keys(cfg)
    derive(cfg, 8)
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.betas == row.betas
    assert optimizer.weight_decay == 0.05
    assert (cfg.optim_wrapper.get('clip_grad') or {}).get('max_norm') == row.clip
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    groups = param_groups(model, optimizer.lr, optimizer.weight_decay, cfg.optim_wrapper.paramwise_cfg)
    decay = {name: group['weight_decay'] for group in groups for name in group['names']}
    assert all(decay[name] == 0.05 for name in row.decayed)
    assert all(decay[name] == 0 for name in row.spared)
    if 'resnet' in row.config:
        scale = {name: group['lr_scale'] for group in groups for name in group['names']}
        assert scale['encoder.mask_token'] == 0.1 and scale['encoder.net.conv1.weight'] == 1
    assert model.encoder.grid.num_tokens == row.tokens
    total = sum(p.numel() for p in model.parameters()) - _tokenizer_parameters(model)
    assert total / 1e6 == pytest.approx(row.parameters, abs=0.3)


def test_hidden_count(row, cfg):
    masking = MODELS.build(cfg.model.masking)
    with torch.device('meta'):
        encoder = MODELS.build(cfg.model).encoder
    assert masking(encoder.grid, 2).num_predict == row.hidden


def _tokenizer_parameters(model) -> int:
    return sum(p.numel() for target in model.targets for p in target.parameters())
