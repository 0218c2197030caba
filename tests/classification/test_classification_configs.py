"""Every classification config: loads, passes the lint, builds without memory, and has the reference's figures."""

import functools
import re
from pathlib import Path

import pytest
import torch
from mmengine.registry import OPTIMIZERS

from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.record import PROTOCOL_KEYS
from pretrain.registry import MODELS, PARAM_SCHEDULERS, TASKS, TRANSFORMS

pytestmark = pytest.mark.unit

FOLDER = Path(__file__).parents[2] / 'classification' / 'configs'
CONFIGS = sorted(path for path in FOLDER.rglob('*.py') if path.parent.name != '_base_')

# Effective batch, peak lr, epochs, warm-up epochs, final lr, layer decay, layers, drop path, clip, published top-1.
# Sources: the docstrings of the configs.
FIGURES = {
    'mae_vit-base-p16_ft_8xb128-100e_in1k': (1024, 2e-3, 100, 5, 1e-6, 0.65, 13, 0.1, None, 0.836),
    'mae_vit-large-p16_ft_8xb64-50e_in1k': (1024, 4e-3, 50, 5, 1e-6, 0.75, 25, 0.2, None, 0.859),
    'mae_vit-huge-p14_ft_8xb32-50e_in1k': (1024, 4e-3, 50, 5, 1e-6, 0.75, 33, 0.3, None, 0.869),
    'mae_vit-base-p16_linear_8xb512-90e_in1k': (16384, 6.4, 90, 10, 0.0, None, None, 0.0, None, 0.678),
    'mae_vit-large-p16_linear_8xb512-50e_in1k': (16384, 6.4, 50, 10, 0.0, None, None, 0.0, None, 0.760),
    'mae_vit-huge-p14_linear_8xb512-50e_in1k': (16384, 6.4, 50, 10, 0.0, None, None, 0.0, None, 0.772),
    'beit_vit-base-p16_ft_8xb128-100e_in1k': (1024, 4e-3, 100, 20, 1e-6, 0.65, 13, 0.1, None, 0.831),
    'beit_vit-large-p16_ft_8xb64-50e_in1k': (1024, 1e-3, 50, 5, 1e-6, 0.75, 25, 0.2, None, 0.852),
    'simmim_vit-base-p16_ft_8xb128-100e_in1k': (2048, 5e-3, 100, 20, 1e-6, 0.65, 13, 0.1, 5.0, 0.838),
    'simmim_swin-base-w7_ft_8xb128-100e_in1k': (2048, 5e-3, 100, 20, 1e-6, 0.9, 25, 0.1, 5.0, 0.835),
    'maskfeat_vit-base-p16_ft_8xb64-100e_in1k': (512, 2e-3, 100, 20, 1e-6, 0.65, 13, 0.1, None, 0.840),
    'maskfeat_vit-large-p16_ft_8xb32-50e_in1k': (256, 1e-3, 50, 5, 1e-6, 0.75, 25, 0.1, None, 0.857),
    'a2mim_vit-base-p16_ft_8xb128-100e_in1k': (1024, 1e-2, 100, 20, 1e-6, 0.65, 13, 0.1, 5.0, 0.842),
    'a2mim_resnet50_ft-a2_8xb256-300e_in1k': (2048, 5e-3, 300, 5, 1e-6, None, 5, 0.05, None, 0.804),
    'a2mim_resnet50_ft-a3_8xb256-100e_in1k-160px': (2048, 8e-3, 100, 5, 1e-6, None, 5, 0.0, None, 0.788),
}


def config(name: str):
    return load_config(FOLDER / f'{name}.py')


@functools.lru_cache
def meta_model(path: Path):
    cfg = load_config(path)
    cfg.model.setdefault('num_classes', 10)
    with torch.device('meta'):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_config_is_complete(path: Path) -> None:
    cfg = load_config(path)
    check_keys(cfg)
    assert set(cfg.protocol) == set(PROTOCOL_KEYS)
    assert TASKS.build(cfg.task)
    for part in ('train', 'val'):
        dataset = cfg[f'{part}_dataloader'].dataset
        assert dataset.labels and TRANSFORMS.build(dict(dataset.transform))
    model = meta_model(path)
    if path.parent == FOLDER:
        assert model.num_classes == 1000
        assert 'Published: ' in path.read_text() and f'{path.name} ' in path.read_text()


@pytest.mark.parametrize('name', sorted(FIGURES))
def test_figures_of_the_reference(name: str) -> None:
    batch, lr, epochs, warmup, last, decay, layers, drop_path, clip, published = FIGURES[name]
    cfg = config(name)
    gpus, per_gpu, in_name = map(int, re.search(r'_(\d+)xb(\d+)-(\d+)e_', name).groups())
    derived = derive(cfg, gpus)
    assert (derived.effective_batch, derived.batch_size) == (batch, per_gpu)
    assert derived.lr == pytest.approx(lr)
    assert cfg.train_cfg.epochs == epochs == in_name == cfg.recipe.epochs
    schedule = PARAM_SCHEDULERS.build({'total': epochs * 1000, 'per_epoch': 1000, **cfg.param_scheduler})
    assert schedule.warmup == warmup * 1000
    assert schedule(epochs * 1000) * derived.lr == pytest.approx(last, rel=1e-6)
    assert cfg.model.encoder.get('drop_path_rate', 0.0) == drop_path
    assert (cfg.optim_wrapper.get('clip_grad') or {}).get('max_norm') == clip
    assert cfg.recipe.get('published', {}).get('top1') == published
    assert cfg.optim_wrapper.get('paramwise_cfg', {}).get('layer_decay') == decay
    assert OPTIMIZERS.get(cfg.optim_wrapper.optimizer.type) is not None
    if layers is not None:
        assert meta_model(FOLDER / f'{name}.py').num_layers == layers


def groups_of(name: str) -> dict[str, dict]:
    cfg = config(name)
    derived = derive(cfg, 8)
    rules = cfg.optim_wrapper.get('paramwise_cfg', {})
    groups = param_groups(
        meta_model(FOLDER / f'{name}.py'), derived.lr, cfg.optim_wrapper.optimizer.weight_decay, rules
    )
    return {name: group for group in groups for name in group['names']}


def test_layer_decay_table_of_vit_base() -> None:
    group = groups_of('mae_vit-base-p16_ft_8xb128-100e_in1k')
    for name in ('cls_token', 'pos_embed', 'patch_embed.proj.weight', 'patch_embed.proj.bias'):
        assert group[f'network.net.{name}']['lr_scale'] == pytest.approx(0.65**13)
    for block in range(12):
        for part in ('norm1.weight', 'attn.qkv.weight', 'mlp.fc2.bias'):
            scale = group[f'network.net.blocks.{block}.{part}']['lr_scale']
            assert scale == pytest.approx(0.65 ** (13 - (block + 1)))
    for name in ('network.fc_norm.weight', 'network.head.weight', 'network.head.bias'):
        assert group[name]['lr_scale'] == 1
    assert group['network.head.weight']['lr'] == pytest.approx(2e-3)


@pytest.mark.parametrize(
    ('name', 'spared', 'decayed'),
    [
        ('mae_vit-base-p16_ft_8xb128-100e_in1k', ['cls_token', 'pos_embed', 'norm1'], ['patch_embed.proj.weight']),
        ('beit_vit-base-p16_ft_8xb128-100e_in1k', ['cls_token', 'gamma_1'], ['relative_position_bias_table']),
        ('simmim_swin-base-w7_ft_8xb128-100e_in1k', ['relative_position_bias_table'], ['reduction.weight']),
        ('maskfeat_vit-base-p16_ft_8xb64-100e_in1k', ['norm1.weight', '.bias'], ['cls_token', 'pos_embed']),
        ('a2mim_resnet50_ft-a2_8xb256-300e_in1k', ['bn1.weight', 'head.bias'], ['conv1.weight', 'head.weight']),
    ],
)
def test_weight_decay_groups(name: str, spared: list[str], decayed: list[str]) -> None:
    groups = groups_of(name)
    for part in spared:
        found = [g['weight_decay'] for n, g in groups.items() if part in n]
        assert found and not any(found), part
    for part in decayed:
        found = [g['weight_decay'] for n, g in groups.items() if part in n]
        assert found and all(found), part


def test_only_the_head_of_a_probe_trains() -> None:
    assert set(groups_of('mae_vit-base-p16_linear_8xb512-90e_in1k')) == {'head.1.weight', 'head.1.bias'}
