"""Every detection config loads, passes the lint, builds without memory and has the figures of the reference."""

import re
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmcv.ops', reason='detection needs the compiled operators of mmcv: make setup')

from mmengine.registry import DefaultScope

import det_mmdetection  # noqa: F401  (registers)
from det_mmdetection.fit import fit_to_backbone
from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.errors import ConfigError
from pretrain.record import PROTOCOL_KEYS
from pretrain.registry import MODELS, PARAM_SCHEDULERS, build_task, register_all
from tools.verbs.check import check_config

pytestmark = pytest.mark.unit
FOLDER = Path(__file__).resolve().parents[2] / 'det_mmdetection' / 'configs'
CONFIGS = sorted(path for path in FOLDER.rglob('*.py') if path.parent.name != '_base_')
register_all()

# Batch, peak lr, weight decay, updates or epochs, milestones, layer decay, drop path, published box and mask AP.
# Sources: the docstrings of the configs.
FIGURES = {
    'mae_vit-base-p16_vitdet-mask_64xb1-100e_coco': (64, 1e-4, 0.1, 184375, [163889, 177546], 0.7, 0.1, 0.516, 0.459),
    'mae_vit-large-p16_vitdet-mask_64xb1-100e_coco': (64, 1e-4, 0.1, 184375, [163889, 177546], 0.8, 0.4, 0.555, 0.492),
    'mae_vit-huge-p16_vitdet-mask_64xb1-75e_coco': (64, 1e-4, 0.1, 138281, [122916, 133159], 0.9, 0.5, 0.567, 0.502),
    'mae_vit-base-p16_vitdet-cascade_64xb1-100e_coco': (
        64,
        1e-4,
        0.1,
        184375,
        [163889, 177546],
        0.7,
        0.1,
        0.540,
        0.467,
    ),
    'mae_vit-large-p16_vitdet-cascade_64xb1-100e_coco': (
        *(64, 1e-4, 0.1, 184375, [163889, 177546], 0.8, 0.4, 0.576, 0.500),
    ),
    'mae_vit-huge-p16_vitdet-cascade_64xb1-75e_coco': (64, 1e-4, 0.1, 138281, [122916, 133159], 0.9, 0.5, 0.587, 0.510),
    'ibot_vit-base-p16_cascade-giou_8xb2-12e_coco': (16, 1e-4, 0.05, 12, [8, 11], 0.75, 0.2, 0.512, 0.442),
    'ibot_vit-small-p16_cascade-giou_8xb4-12e_coco': (32, 1e-4, 0.05, 12, [8, 11], 0.8, 0.2, 0.494, 0.426),
    'cae_vit-base-p16_mask-giou_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], 0.75, 0.2, 0.499, 0.439),
    'cae_vit-large-p16_mask-giou_16xb2-12e_coco': (32, 2e-4, 0.05, 12, [9, 11], 0.85, 0.2, 0.545, 0.475),
    'mae_vit-base-p16_mask-giou_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], 0.75, 0.2, 0.484, 0.426),
    'mae_vit-base-p16_mask-giou-frozen_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], None, 0.0, None, None),
    'beit_vit-base-p16_mask-giou_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], 0.75, 0.2, None, None),
    'maskfeat_vit-base-p16_mask-giou_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], 0.75, 0.2, None, None),
    'simmim_vit-base-p16_mask-giou_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], 0.75, 0.2, None, None),
    'a2mim_vit-base-p16_mask-giou_16xb2-12e_coco': (32, 3e-4, 0.05, 12, [9, 11], 0.75, 0.2, None, None),
    'simmim_swin-base-w7_mask-fpn_8xb2-36e_coco': (16, 1e-4, 0.05, 36, [27, 33], None, 0.3, 0.504, 0.444),
    'a2mim_resnet50_mask-fpn_8xb2-12e_coco': (16, 0.02, 1e-4, 90000, [60000, 80000], None, 0.0, None, None),
    'a2mim_resnet50_mask-fpn_8xb2-24e_coco': (16, 0.02, 1e-4, 180000, [120000, 160000], None, 0.0, 0.398, 0.349),
    'a2mim_convnext-small_mask-fpn_8xb2-36e_coco': (16, 1e-4, 0.05, 36, [27, 33], 0.7, 0.6, None, None),
}


BUILT = (
    'huge-p16_vitdet-mask',
    'base-p16_vitdet-cascade',
    'beit_vit',
    'ibot_vit-base',
    'swin',
    'resnet50_mask-fpn_8xb2-12e',
)
"""Published configs that the test builds, one of each kind; `mimbench list configs --check` builds all."""


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_config_is_right(path: Path) -> None:
    assert check_config(path, build=path.parent != FOLDER or any(part in path.name for part in BUILT)) is None
    cfg = load_config(path)
    assert set(cfg.protocol) == set(PROTOCOL_KEYS) and cfg.protocol.metric == 'bbox_AP'
    text = path.read_text()
    assert f'{path.name}' in text
    if path.parent == FOLDER:
        assert (FOLDER / 'mini' / path.name).exists() and 'Published: ' in text and 'Hardware: ' in text


@pytest.mark.parametrize('name', sorted(FIGURES))
def test_figures_of_the_reference(name: str) -> None:
    batch, lr, decay, length, milestones, layer_decay, drop_path, box, mask = FIGURES[name]
    cfg = load_config(FOLDER / f'{name}.py')
    gpus, per_gpu = map(int, re.search(r'_(\d+)xb(\d+)-', name).groups())
    derived = derive(cfg, gpus)
    assert (derived.effective_batch, derived.batch_size, derived.accumulation) == (batch, per_gpu, 1)
    assert derived.lr == lr and cfg.optim_wrapper.optimizer.weight_decay == decay
    assert cfg.optim_wrapper.get('paramwise_cfg', {}).get('layer_decay') == layer_decay
    assert cfg.model.backbone.get('drop_path_rate', 0.0) == drop_path
    assert length == cfg.train_cfg.get('iterations', cfg.train_cfg.get('epochs'))
    per_epoch = 117266 // batch
    total = length if 'iterations' in cfg.train_cfg else length * per_epoch
    schedule = PARAM_SCHEDULERS.build({'total': total, 'per_epoch': per_epoch, **cfg.param_scheduler})
    steps = milestones if 'iterations' in cfg.train_cfg else [m * per_epoch for m in milestones]
    for i, step in enumerate(steps):
        assert schedule(step - 1) == pytest.approx(0.1**i) and schedule(step) == pytest.approx(0.1 ** (i + 1))
    assert schedule(0) == pytest.approx(0.001)
    published = cfg.recipe.get('published', {})
    assert (published.get('bbox_AP'), published.get('segm_AP')) == (box, mask)


def meta_model(name: str):
    cfg = load_config(FOLDER / f'{name}.py')
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        task = build_task(cfg.task)
        from pretrain.checkpoint.initial import SOURCE, card_of

        channels, size = task.image(cfg)
        card = card_of(channels, size, **{k: v for k, v in cfg.model.backbone.items() if k in SOURCE})
        task.fit_model(cfg, card)
        return MODELS.build(cfg.model), cfg


def group_of(groups: list[dict], name: str) -> tuple[float, float]:
    (found,) = [g for g in groups if name in g['names']]
    return round(found['lr_scale'], 9), found['weight_decay']


def test_groups_of_vitdet() -> None:
    """detectron2: block i has 0.7 ** (12 - i); norms of the backbone and positions do not decay, all else does."""
    model, cfg = meta_model('mae_vit-base-p16_vitdet-mask_64xb1-100e_coco')
    groups = param_groups(model, 1e-4, 0.1, cfg.optim_wrapper.paramwise_cfg)
    net = 'backbone.encoder.net.'
    assert group_of(groups, f'{net}pos_embed') == (round(0.7**13, 9), 0.0)
    assert group_of(groups, f'{net}patch_embed.proj.bias') == (round(0.7**13, 9), 0.1)
    assert group_of(groups, f'{net}blocks.0.norm1.weight') == (round(0.7**12, 9), 0.0)
    assert group_of(groups, f'{net}blocks.11.attn.qkv.bias') == (0.7, 0.1)
    assert group_of(groups, 'backbone.encoder.decomposed.11.rel_pos_h') == (0.7, 0.1)
    assert group_of(groups, 'neck.branches.0.1.weight') == (1.0, 0.1)
    assert group_of(groups, 'roi_head.bbox_head.shared_fcs.0.bias') == (1.0, 0.1)
    assert not any(name.startswith(f'{net}cls_token') for g in groups for name in g['names'])


def test_groups_of_the_beit_family() -> None:
    """Biases and norms do not decay; positions and class token do, as in the published rule that misses their names."""
    model, cfg = meta_model('ibot_vit-base-p16_cascade-giou_8xb2-12e_coco')
    groups = param_groups(model, 1e-4, 0.05, cfg.optim_wrapper.paramwise_cfg)
    net = 'backbone.encoder.net.'
    assert group_of(groups, f'{net}pos_embed') == group_of(groups, f'{net}cls_token') == (round(0.75**13, 9), 0.05)
    assert group_of(groups, f'{net}blocks.3.mlp.fc1.bias') == (round(0.75**9, 9), 0.0)
    assert group_of(groups, 'backbone.scales.scales.0.0.weight') == (1.0, 0.05)
    fixed = param_groups(model, 1e-4, 0.05, {'no_decay': ['1d', 'tokens'], 'layer_decay': 0.75})
    assert group_of(fixed, f'{net}pos_embed') == (round(0.75**13, 9), 0.0)


def test_only_pyramid_and_heads_train_on_a_frozen_encoder() -> None:
    model, cfg = meta_model('mae_vit-base-p16_mask-giou-frozen_16xb2-12e_coco')
    groups = param_groups(model, 1e-4, 0.05, cfg.optim_wrapper.paramwise_cfg)
    names = [name for group in groups for name in group['names']]
    parts = {name.split('.')[0] for name in names}
    assert parts == {'backbone', 'neck', 'rpn_head', 'roi_head'}
    assert all(name.startswith('backbone.scales.') for name in names if name.startswith('backbone.'))
    assert model.backbone.encoder.norms is not None


def test_norms_have_the_epsilon_of_vitdet() -> None:
    model, _ = meta_model('mae_vit-base-p16_vitdet-mask_64xb1-100e_coco')
    norms = [m for m in model.modules() if hasattr(m, 'eps')]
    assert norms and {m.eps for m in norms} == {1e-6}


def model_config() -> dict:
    return {
        'neck': {'type': 'SimpleFeaturePyramid', 'width': None},
        'rpn_head': {'anchor_generator': {'strides': None}},
        'roi_head': {'bbox_roi_extractor': {'featmap_strides': None}},
    }


def test_strides_follow_from_the_patch() -> None:
    model = model_config()
    fit_to_backbone(model, [768], [16])
    assert model['neck']['width'] == 768 and model['rpn_head']['anchor_generator']['strides'] == [4, 8, 16, 32, 64]
    assert model['roi_head']['bbox_roi_extractor']['featmap_strides'] == [4, 8, 16, 32]
    model = model_config()
    model['neck'] = {'type': 'FPN', 'in_channels': None, 'num_outs': 5}
    fit_to_backbone(model, [64, 128, 256, 512], [4, 8, 16, 32])
    assert model['neck']['in_channels'] == [64, 128, 256, 512]
    assert model['rpn_head']['anchor_generator']['strides'] == [4, 8, 16, 32, 64]


def test_wrong_strides_and_channels_are_errors() -> None:
    """Anchors of another stride than the maps would only cost accuracy, in silence."""
    model = model_config()
    model['rpn_head']['anchor_generator']['strides'] = [4, 8, 16, 32, 64]
    with pytest.raises(ConfigError, match=r'anchor_generator\.strides is \[4, 8, 16, 32, 64\].*\[2, 4, 8, 16, 32\]'):
        fit_to_backbone(model, [768], [8])
    model = model_config()
    model['neck']['width'] = 384
    with pytest.raises(ConfigError, match=r'neck\.width is 384.*768'):
        fit_to_backbone(model, [768], [16])


def test_the_twin_is_the_same_recipe_in_small() -> None:
    def kinds(value):
        if isinstance(value, dict):
            found = {k: kinds(v) for k, v in value.items() if isinstance(v, (dict, list))}
            return {'type': value.get('type'), **{k: v for k, v in found.items() if v}}
        return [kinds(v) for v in value if isinstance(v, dict)] if isinstance(value, list) else None

    for path in sorted(FOLDER.glob('*.py')):
        full, mini = load_config(path).model, load_config(FOLDER / 'mini' / path.name).model
        for part in ('type', 'neck', 'rpn_head', 'roi_head'):
            assert kinds({part: mini[part]}) == kinds({part: full[part]}), (path.name, part)
        for choice in ('decomposed', 'prefix', 'four_levels', 'out_norm', 'position'):
            assert mini.backbone.get(choice) == full.backbone.get(choice), (path.name, choice)
