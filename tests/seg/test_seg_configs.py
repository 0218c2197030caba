"""Every segmentation config: loads, passes the lint, builds without memory, and has the figures of its source.

A new recipe is one config, one twin and one row here.
"""

import contextlib
import copy
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from pretrain.checkpoint.initial import SOURCE, card_of
from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.engine.task import token_decay
from pretrain.record import PROTOCOL_KEYS
from pretrain.registry import MODELS, PARAM_SCHEDULERS, build_task, register_all
from seg_mmsegmentation.fit import heads

pytestmark = [
    pytest.mark.unit,
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore'),
]
FOLDER = Path(__file__).parents[2] / 'seg_mmsegmentation' / 'configs'
PUBLISHED = sorted(FOLDER.glob('*.py'))
MINI = sorted((FOLDER / 'mini').glob('*.py'))
register_all()


@dataclass
class Row:
    """What the sources say; see the docstrings of the configs. `published` in percent."""

    config: str
    lr: float
    layer_decay: float | None
    drop_path: float
    published: float | None
    crop: tuple = (512, 512)
    stride: tuple | None = (341, 341)
    levels: tuple = (3, 5, 7, 11)
    width: int = 768
    iterations: int = 160000
    warmup: int = 1500
    power: float = 1.0
    end: float = 0.0
    weight_decay: float = 0.05
    stage: str = 'mim'


LARGE = {'levels': (7, 11, 15, 23), 'width': 1024}
STAGES = {'levels': (0, 1, 2, 3), 'width': 512, 'stride': None}
SGD = {**STAGES, 'warmup': 0, 'power': 0.9, 'end': 0.01, 'weight_decay': 5e-4}
PX640 = {'crop': (640, 640), 'stride': (426, 426), 'stage': 'mim+ft-in22k'}
ROWS = [
    Row('mae_vit-base-p16_upernet_8xb2-160k_ade20k', 1e-4, 0.65, 0.1, 48.15),
    Row('mae_vit-base-p16_upernet_8xb2-40k_voc12aug', 1e-4, 0.65, 0.1, None, iterations=40000),
    Row(
        'mae_vit-base-p16_upernet_8xb2-80k_cityscapes',
        *(1e-4, 0.65, 0.1, None),
        crop=(512, 1024),
        stride=(341, 683),
        iterations=80000,
    ),
    Row('mae_vit-base-p16_upernet_8xb2-80k_cocostuff164k', 1e-4, 0.65, 0.1, None, iterations=80000),
    Row('beit_vit-base-p16_upernet_8xb2-160k_ade20k', 7e-4, 0.65, 0.1, None),
    Row('beit-ft22k_vit-base-p16_upernet_8xb2-160k_ade20k-640', 3e-5, 0.9, 0.1, 53.6, **PX640),
    Row('beit-ft22k_vit-large-p16_upernet_8xb1-160k_ade20k-640', 2e-5, 0.95, 0.2, 56.7, **PX640, **LARGE),
    Row('beitv2_vit-base-p16_upernet_8xb2-160k_ade20k', 5e-5, 0.75, 0.15, 53.1),
    Row('beitv2-ft21k_vit-base-p16_upernet_8xb2-160k_ade20k', 5e-5, 0.85, 0.15, 53.5, stage='mim+ft-in21k'),
    Row('beitv2_vit-large-p16_upernet_8xb2-160k_ade20k', 4e-5, 0.9, 0.2, 56.7, **LARGE),
    Row('beitv2-ft21k_vit-large-p16_upernet_8xb2-160k_ade20k', 3e-5, 0.9, 0.2, 57.5, **LARGE, stage='mim+ft-in21k'),
    Row('ibot_vit-base-p16_upernet_8xb2-160k_ade20k', 8e-5, 0.65, 0.1, 50.0),
    Row('ibot_vit-small-p16_upernet_4xb4-160k_ade20k', 3e-5, 0.9, 0.1, 45.4, width=384),
    Row('ibot_vit-base-p16_linear_4xb4-160k_ade20k', 8e-4, None, 0.0, 38.3, width=3072),
    Row('cae_vit-base-p16_upernet_8xb2-160k_ade20k', 1e-4, 0.65, 0.1, 50.3),
    Row('cae_vit-large-p16_upernet_8xb2-160k_ade20k', 4e-5, 0.95, 0.15, 54.9, **LARGE),
    Row('maskfeat_vit-base-p16_upernet_8xb2-160k_ade20k', 1e-4, 0.65, 0.1, 48.8),
    Row('a2mim_vit-base-p16_upernet_8xb2-160k_ade20k', 1e-4, 0.65, 0.1, 49.0),
    Row('a2mim_resnet50_fcn_4xb4-160k_ade20k', 0.01, None, 0.0, 38.3, **SGD),
    Row('a2mim_resnet50_upernet_4xb4-160k_ade20k', 0.01, None, 0.0, None, **SGD),
    Row('simmim_swin-base-w7_upernet_8xb2-160k_ade20k', 6e-5, None, 0.3, 52.8, **STAGES, weight_decay=0.01),
]


@contextlib.contextmanager
def without_initialisation() -> Iterator[None]:
    """Random numbers for tensors without storage are most of the time that these tests would take."""
    with (
        mock.patch('timm.layers.weight_init._trunc_normal_', lambda tensor, *_: tensor),
        mock.patch.object(nn.Linear, 'reset_parameters', lambda _: None),
    ):
        yield


@functools.lru_cache
def _loaded(path: Path) -> Config:
    cfg, task = load_config(path), build_task({'type': 'Segment'})
    source = {name: value for name, value in cfg.model.backbone.items() if name in SOURCE}
    with DefaultScope.overwrite_default_scope('mmseg'), without_initialisation():
        task.fit_model(cfg, card_of(*task.image(cfg), **source))
        task.fill(cfg)
    return cfg


def loaded(path: Path) -> Config:
    """A config as a run completes it, for the network that it names and two classes."""
    return copy.deepcopy(_loaded(path))


@functools.lru_cache
def meta_model(path: Path) -> nn.Module:
    cfg = loaded(path)
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'), without_initialisation():
        return MODELS.build(cfg.model)


def is_first(path: Path) -> bool:
    """Whether a config puts parts together, and does not only change another one."""
    return "_base_ = ['" in path.read_text()


def groups_of(cfg, path: Path) -> dict[str, dict]:
    optimizer = cfg.optim_wrapper.optimizer
    groups = param_groups(meta_model(path), optimizer.lr, optimizer.weight_decay, cfg.optim_wrapper.paramwise_cfg)
    return {name: group for group in groups for name in group['names']}


@pytest.fixture(params=ROWS, ids=lambda row: row.config)
def row(request) -> Row:
    return request.param


def test_every_config_has_a_row_and_a_twin() -> None:
    names = {path.stem for path in PUBLISHED}
    assert {row.config for row in ROWS} == names <= {path.stem for path in MINI}


@pytest.mark.parametrize('path', [*PUBLISHED, *MINI], ids=lambda p: str(p.relative_to(FOLDER)))
def test_config_is_complete(path: Path) -> None:
    text, cfg = path.read_text(), load_config(path)
    assert len(text.splitlines()) < 60 and path.name in text.split('"""')[1]
    assert len(text.splitlines()) < 40 or not (FOLDER / path.name).exists()
    assert set(cfg.protocol) == set(PROTOCOL_KEYS) and cfg.protocol.metric == 'mIoU'
    assert ('Published: ' in text and 'Hardware: ' in text) == (path in PUBLISHED)
    assert (cfg.sync_bn == 'torch') == (path in PUBLISHED)
    with DefaultScope.overwrite_default_scope('mmseg'):
        check_keys(cfg)
    if path in PUBLISHED and is_first(path):
        task = build_task(cfg.task)
        with torch.device('meta'):
            task.send_through(meta_model(path).eval(), *task.image(cfg))


def test_figures(row: Row) -> None:
    path = FOLDER / f'{row.config}.py'
    cfg = loaded(path)
    gpus, per_gpu, thousands = map(int, re.search(r'_(\d+)xb(\d+)-(\d+)k_', row.config).groups())
    assert derive(cfg, gpus).effective_batch == 16 and cfg.train_dataloader.batch_size == per_gpu
    assert cfg.train_cfg.iterations == row.iterations == thousands * 1000
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.lr, optimizer.weight_decay) == (row.lr, row.weight_decay)
    assert optimizer.get('betas', (0.9, 0.999)) == (0.9, 0.999)
    assert cfg.optim_wrapper.get('clip_grad') is None
    assert cfg.optim_wrapper.paramwise_cfg.get('layer_decay') == row.layer_decay
    backbone, test = cfg.model.backbone, cfg.model.test_cfg
    assert backbone.drop_path_rate == row.drop_path and tuple(backbone.levels) == row.levels
    assert cfg.model.decode_head.channels == row.width
    assert (test.mode, test.get('stride'), test.get('crop_size')) == (
        ('slide', row.stride, row.crop) if row.stride else ('whole', None, None)
    )
    pipeline = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert pipeline['RandomCrop'].crop_size == cfg.model.data_preprocessor.size == row.crop
    assert pipeline['RandomResize'].ratio_range == (0.5, 2.0) and min(pipeline['RandomResize'].scale) == max(
        row.crop if 'city' in row.config else row.crop[:1]
    )
    assert cfg.recipe.get('published', {}).get('mIoU') == (row.published and pytest.approx(row.published / 100))
    assert ('source' in cfg.recipe) == (row.published is not None)
    assert cfg.protocol.init_stage == row.stage


def test_schedule(row: Row) -> None:
    cfg = load_config(FOLDER / f'{row.config}.py')
    schedule = PARAM_SCHEDULERS.build({'total': row.iterations, 'per_epoch': 1263, **cfg.param_scheduler})
    assert schedule.warmup == row.warmup
    if row.warmup:
        assert schedule(0) == 1e-6 and schedule(row.warmup // 2) == pytest.approx(0.5, abs=1e-5)
    for update in (row.warmup, row.iterations // 3, row.iterations - 1):
        decayed = (1 - update / row.iterations) ** row.power  # mmcv 1: over all updates, the warm-up among them
        assert schedule(update) == pytest.approx(row.end + (1 - row.end) * decayed, abs=1e-9)


@pytest.mark.parametrize(
    'row', [r for r in ROWS if is_first(FOLDER / f'{r.config}.py') or r.width == 1024], ids=lambda row: row.config
)
def test_layer_decay_and_weight_decay(row: Row) -> None:
    path = FOLDER / f'{row.config}.py'
    cfg = loaded(path)
    found = groups_of(cfg, path)
    assert found['decode_head.conv_seg.weight']['lr_scale'] == 1
    assert found['decode_head.conv_seg.weight']['weight_decay'] == row.weight_decay
    if row.layer_decay is None:
        assert {group['lr_scale'] for group in found.values()} == {1.0} and token_decay(cfg) is None
        return
    depth = len(meta_model(path).backbone.encoder.net.blocks)
    for name, group in found.items():
        if 'blocks.' in name or '.tables.' in name:
            block = int(re.search(r'(?:blocks|tables)\.(\d+)', name)[1])
            assert group['lr_scale'] == pytest.approx(row.layer_decay ** (depth - block))
        elif '.net.' in name:
            assert group['lr_scale'] == pytest.approx(row.layer_decay ** (depth + 1)), name
        else:
            assert group['lr_scale'] == 1, name
        spared = name.endswith('.bias') or 'norm' in name or 'gamma' in name or '.ls' in name or '.bn' in name
        spared = spared or name.endswith(('q_bias', 'v_bias', 'scales.0.1.weight'))
        assert group['weight_decay'] == (0 if spared else row.weight_decay), name
    tokens = [name for name in found if name.endswith(('cls_token', 'pos_embed'))]
    assert tokens and token_decay(cfg).endswith('as published, 0.05')
    cfg.merge_from_dict({'optim_wrapper.paramwise_cfg.no_decay': ['1d', 'tokens']})
    fixed = groups_of(cfg, path)
    assert all(fixed[name]['weight_decay'] == 0 for name in tokens) and token_decay(cfg).endswith('fixed, 0')


def test_parts_of_the_recipes() -> None:
    def encoder(name: str):
        return meta_model(next(path for path in PUBLISHED if path.stem.startswith(name))).backbone.encoder

    mae = encoder('mae_vit-base-p16_upernet_8xb2-160k')
    assert mae.tables[0].shape == ((2 * 32 - 1) ** 2 + 3, 12) and mae.net.blocks[0].ls1.gamma.shape == (768,)
    assert encoder('mae_vit-base-p16_upernet_8xb2-80k_city').tables[0].shape == (63 * 127 + 3, 12)
    assert encoder('beit-ft22k_vit-base').tables[0].shape == (79**2 + 3, 12) and encoder('beit_').norms is None
    assert [norm.weight.shape for norm in encoder('ibot_vit-base-p16_upernet').norms] == [(768,)] * 4
    assert encoder('cae_vit-base').net.pos_embed is not None and encoder('cae_vit-base').tables is not None
    assert encoder('a2mim_resnet50_fcn').strides == (4, 8, 8, 8)
    assert encoder('a2mim_resnet50_upernet').strides == encoder('simmim').strides == (4, 8, 16, 32)
    assert len(encoder('simmim').norms) == 4
    swin = groups_of(loaded(FOLDER / 'simmim_swin-base-w7_upernet_8xb2-160k_ade20k.py'), PUBLISHED[-1])
    decays = {name: group['weight_decay'] > 0 for name, group in swin.items()}
    assert decays['backbone.encoder.net.layers.0.blocks.0.mlp.fc1.bias']
    assert not decays['backbone.encoder.net.layers.0.blocks.0.norm1.weight']
    assert not decays['backbone.encoder.net.layers.2.blocks.9.attn.relative_position_bias_table']


def test_only_the_layer_of_a_linear_head_trains() -> None:
    path = FOLDER / 'ibot_vit-base-p16_linear_4xb4-160k_ade20k.py'
    found = groups_of(loaded(path), path)
    assert set(found) == {'decode_head.conv_seg.weight', 'decode_head.conv_seg.bias'}
    assert all(group['weight_decay'] == 0.05 for group in found.values())


@pytest.mark.parametrize('path', list(filter(is_first, MINI)), ids=lambda p: p.stem)
def test_a_mini_twin_trains(path: Path) -> None:
    """One step: a finite loss, and a gradient for all that trains."""
    cfg = loaded(path)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg.model).train()
    assert sum(p.numel() for p in model.parameters()) < 15e6
    samples = [scene_sample(seed) for seed in range(2)]
    batch = model.data_preprocessor({key: [s[key] for s in samples] for key in samples[0]}, training=True)
    losses = model(**batch, mode='loss')
    total = sum(value for name, value in losses.items() if 'loss' in name)
    total.backward()
    assert torch.isfinite(total) and len([name for name in losses if 'loss' in name]) == len(list(heads(cfg.model)))
    assert not [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


def scene_sample(seed: int) -> dict:
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, 2, (1, 58, 64), generator=generator)
    sample = SegDataSample(gt_sem_seg=PixelData(data=truth), metainfo={'img_shape': (58, 64)})
    return {'inputs': torch.randint(0, 256, (3, 58, 64), generator=generator), 'data_samples': sample}
