"""Every config of the domain loads, builds without memory, has its twin, and states the figures of the reference."""

import re
from pathlib import Path

import pytest
import torch

from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.record import PROTOCOL_KEYS
from pretrain.registry import MODELS, PARAM_SCHEDULERS, TASKS, register_all
from video.data import PROTOCOLS

pytestmark = pytest.mark.unit
register_all()
FOLDER = Path(__file__).parents[2] / 'video' / 'configs'
CONFIGS = sorted(path for path in FOLDER.rglob('*.py') if path.parent.name != '_base_')
FULL = [path.stem for path in CONFIGS if path.parent == FOLDER]

# Effective batch, peak lr, epochs, warm-up, stride, tokens to predict, decoder (width, depth, heads), parameters in M.
# Sources: the reference page of the domain, whose marks the docstrings repeat.
PRETRAIN = {
    'videomae_vit-small-p16_dec192x4_32xb32-1600e_k400': (1024, 6e-4, 1600, 40, 4, 1408, (192, 4, 3), 24.3),
    'videomae_vit-base-p16_dec384x4_64xb32-1600e_k400': (2048, 1.2e-3, 1600, 40, 4, 1408, (384, 4, 6), 95.8),
    'videomae_vit-large-p16_dec512x12_64xb8-1600e_k400': (512, 3e-4, 1600, 40, 4, 1408, (512, 12, 8), 345.3),
    'videomae_vit-small-p16_dec192x4_64xb32-2400e_ssv2': (2048, 1.2e-3, 2400, 40, 2, 1408, (192, 4, 3), 24.3),
    'videomae_vit-base-p16_dec384x4_64xb32-2400e_ssv2': (2048, 1.2e-3, 2400, 40, 2, 1408, (384, 4, 6), 95.8),
    'videomae_vit-large-p16_dec512x12_64xb8-2400e_ssv2': (512, 3e-4, 2400, 40, 2, 1408, (512, 12, 8), 345.3),
    'videomae_vit-base-p16_dec384x4_8xb24-3200e_ucf101': (192, 2.25e-4, 3200, 40, 4, 1176, (384, 4, 6), 95.8),
    'videomae2_vit-giant-p14_dec512x4_64xb32-300e_hybrid': (2048, 4.8e-3, 300, 30, 4, 920, (512, 4, 8), 1030.6),
    'maest_vit-base-p16_dec512x4_64xb8-200e_k400': (512, 3.2e-3, 200, 60, 4, 1412, (512, 4, 16), 101.8),
    'maest_vit-large-p16_dec512x4_64xb8-400e_k400': (512, 3.2e-3, 400, 5, 4, 1412, (512, 4, 16), 319.6),
    'maskfeat_vit-base-p16_linear_8xb4-300e_k400': (32, 1e-4, 300, 10, 4, 627, None, 88.2),
}
# Effective batch, peak lr, epochs, layer decay, drop path, dropout, clips of a video, protocol, published top-1.
FINETUNE = {
    'videomae_vit-small-p16_ft_32xb12-150e_k400': (384, 7.5e-4, 150, 0.75, 0.1, 0.0, 2, 'k400', 0.790),
    'videomae_vit-base-p16_ft_64xb8-100e_k400': (512, 2e-3, 100, 0.75, 0.1, 0.0, 1, 'k400', 0.800),
    'videomae_vit-base-p16_ft_64xb6-75e_k400': (384, 7.5e-4, 75, 0.75, 0.1, 0.0, 2, 'k400', 0.815),
    'videomae_vit-large-p16_ft_64xb2-35e_k400': (128, 1e-3, 35, 0.75, 0.1, 0.0, 2, 'k400', 0.852),
    'videomae_vit-small-p16_ft_32xb12-40e_ssv2': (384, 1.5e-3, 40, 0.70, 0.1, 0.0, 2, 'ssv2', 0.668),
    'videomae_vit-base-p16_ft_64xb6-30e_ssv2': (384, 7.5e-4, 30, 0.75, 0.1, 0.0, 2, 'ssv2', 0.708),
    'videomae_vit-large-p16_ft_64xb6-30e_ssv2': (384, 7.5e-4, 30, 0.75, 0.1, 0.0, 2, 'ssv2', 0.743),
    'videomae_vit-base-p16_ft_8xb16-100e_ucf101': (128, 2.5e-4, 100, 0.70, 0.2, 0.5, 2, 'ucf101', 0.913),
    'maest_vit-base-p16_ft_64xb1-75e_k400': (64, 4.8e-3, 75, 0.65, 0.1, 0.3, 2, 'k400-7x3', 0.813),
    'mae_vit-base-p16_ft_64xb8-100e_k400': (512, 2e-3, 100, 0.75, 0.1, 0.0, 1, 'k400', None),
    'videomae_vit-base-p16_attentive_64xb4-20e_k400': (256, 1e-3, 20, None, 0.0, 0.0, 1, 'k400-8x3', None),
    'videomae_vit-base-p16_linear_64xb4-20e_k400': (256, 1e-3, 20, None, 0.0, 0.0, 1, 'k400-8x3', None),
}
# What trains nothing.
FROZEN = {'videomae_vit-base-p16_knn_1xb32-k20_k400', 'videomae_vit-base-p16_proxies_1xb32-n25600_k400'}


def config(name: str):
    return load_config(FOLDER / f'{name}.py')


def test_every_config_has_a_row_and_a_twin() -> None:
    assert set(FULL) == {*PRETRAIN, *FINETUNE, *FROZEN}
    assert {path.stem for path in CONFIGS if path.parent.name == 'mini'} >= set(FULL)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_config_is_complete(path: Path) -> None:
    cfg = load_config(path)
    check_keys(cfg)
    if 'train_cfg' in cfg:
        derive(cfg, 1)
    if 'task' in cfg:
        assert set(cfg.protocol) == set(PROTOCOL_KEYS)
        TASKS.get(cfg.task.type)(**{k: v for k, v in cfg.task.items() if k != 'type'}).check(cfg)
    else:
        with torch.device('meta'):
            MODELS.build(cfg.model)
    if path.parent == FOLDER:
        assert 'Published: ' in path.read_text() and f'{path.name} ' in path.read_text()


def start_and_end(cfg, lr: float) -> tuple[float, float]:
    epochs = cfg.train_cfg.epochs
    schedule = PARAM_SCHEDULERS.build({'total': epochs * 100, 'per_epoch': 100, **cfg.param_scheduler})
    return schedule(0) * lr, schedule(epochs * 100) * lr


@pytest.mark.parametrize('name', PRETRAIN)
def test_pretraining_figures(name: str) -> None:
    batch, lr, epochs, warmup, stride, predicted, decoder, parameters = PRETRAIN[name]
    cfg = config(name)
    gpus, per_gpu, in_name = map(int, re.search(r'_(\d+)xb(\d+)-(\d+)e_', name).groups())
    derived = derive(cfg, gpus)
    assert (derived.effective_batch, derived.batch_size) == (batch, per_gpu)
    assert derived.lr == pytest.approx(lr)
    assert cfg.train_cfg.epochs == epochs == in_name == cfg.recipe.epochs
    assert cfg.param_scheduler.warmup == warmup
    dataset = cfg.train_dataloader.dataset
    if name.startswith('videomae'):
        assert start_and_end(cfg, lr) == pytest.approx((1e-6 * batch / 256, 1e-5 * batch / 256))
        assert dataset.get('windows', 'own') == ('shared' if name.startswith('videomae2') else 'own')
    assert (dataset.sampling.stride, dataset.sampling.frames) == (stride, 16)
    assert dataset.get('repeats', 1) == (4 if name.startswith(('maest', 'videomae2')) else 1)
    assert dataset.transform.flip == (0.0 if name.startswith('videomae') else 0.5)
    assert dataset.transform.crop == ('multiscale' if name.startswith('videomae') else 'resized')
    betas = (0.9, 0.999) if name.startswith('maskfeat') else (0.9, 0.95)
    assert cfg.optim_wrapper.optimizer.betas == betas
    clip = (cfg.optim_wrapper.get('clip_grad') or {}).get('max_norm')
    assert clip == (None if name.startswith('videomae_') else 0.02)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(parameters, abs=1.5)
    if decoder:
        assert (model.head.embed.out_features, len(model.head.blocks)) == decoder[:2]
        assert model.head.blocks[0].attn.num_heads == decoder[2]
    assert MODELS.build(cfg.model.masking)(model.encoder.grid, 1).num_predict == predicted
    if name.startswith('videomae'):
        assert model.encoder.num_prefix == 0 and model.head.embed.bias is None
        assert model.targets[0].dim == (1176 if 'giant' in name else 1536)
    if name.startswith('maest'):
        assert model.encoder.num_prefix == 1 and model.targets[0].dim == 768
    if name.startswith('maskfeat'):
        assert model.targets[0].dim == 108


@pytest.mark.parametrize('name', FINETUNE)
def test_finetuning_figures(name: str) -> None:
    batch, lr, epochs, decay, drop_path, dropout, repeats, dataset, published = FINETUNE[name]
    cfg = config(name)
    gpus, per_gpu, in_name = map(int, re.search(r'_(\d+)xb(\d+)-(\d+)e_', name).groups())
    derived = derive(cfg, gpus)
    assert (derived.effective_batch, derived.batch_size) == (batch, per_gpu)
    assert derived.lr == pytest.approx(lr)
    assert cfg.train_cfg.epochs == epochs == in_name == cfg.recipe.epochs
    assert cfg.optim_wrapper.paramwise_cfg.get('layer_decay') == decay
    assert cfg.model.encoder.get('drop_path_rate') == drop_path and cfg.model.get('head_dropout', 0.0) == dropout
    assert cfg.train_dataloader.dataset.get('repeats', 1) == repeats
    assert cfg.task.dataset == dataset and cfg.recipe.get('published', {}).get('top1') == published
    rule = PROTOCOLS[dataset]
    sampling = {'dense': 'DenseSampling', 'segments': 'SegmentSampling'}[rule.sampling]
    assert cfg.train_dataloader.dataset.sampling.type == cfg.val_dataloader.dataset.sampling.type == sampling
    assert cfg.val_dataloader.dataset.sampling.clips == rule.clips
    assert cfg.val_dataloader.dataset.transform.crops == rule.crops
    flip = 0.5 if rule.flip and not cfg.model.get('frozen') else 0.0
    assert cfg.train_dataloader.dataset.transform.get('flip', 0.5) == flip
    assert cfg.train_dataloader.dataset.windows == ('own' if name.startswith('maest') else 'shared')
    assert cfg.train_dataloader.dataset.transform.rand_augment == 'rand-m7-n4-mstd0.5-inc1'
    if cfg.model.get('frozen'):
        assert (cfg.model.mixup, cfg.model.cutmix, cfg.model.erase, cfg.model.smoothing) == (0.0, 0.0, 0.25, 0.0)
        assert cfg.optim_wrapper.clip_grad.max_norm == 1.0 and start_and_end(cfg, lr) == pytest.approx((lr, 0))
    else:
        assert (cfg.model.mixup, cfg.model.cutmix, cfg.model.erase, cfg.model.smoothing) == (0.8, 1.0, 0.25, 0.1)
        assert cfg.model.head_std == 2e-5
        start, end = (1e-8, 1e-5) if dataset == 'ucf101' else (1e-6, 1e-6)
        if not name.startswith('maest'):
            assert start_and_end(cfg, lr) == pytest.approx((start * batch / 256, end * batch / 256))


def groups_of(name: str) -> dict[str, dict]:
    cfg = config(name)
    derived = derive(cfg, 8)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    rules = cfg.optim_wrapper.paramwise_cfg
    groups = param_groups(model, derived.lr, cfg.optim_wrapper.optimizer.weight_decay, rules)
    return {name: group for group in groups for name in group['names']}


def test_layer_decay_of_vit_base() -> None:
    group = groups_of('videomae_vit-base-p16_ft_64xb8-100e_k400')
    assert 'net.pos_embed' not in group, 'fixed positions do not train'
    assert group['net.patch_embed.proj.weight']['lr_scale'] == pytest.approx(0.75**13)
    assert group['net.blocks.0.attn.qkv.weight']['lr_scale'] == pytest.approx(0.75**12)
    assert group['net.blocks.11.norm2.bias']['lr_scale'] == pytest.approx(0.75)
    for name in ('head.fc_norm.weight', 'head.linear.weight'):
        assert group[name]['lr_scale'] == 1
    assert group['head.linear.weight']['weight_decay'] == 0.05 and group['head.linear.bias']['weight_decay'] == 0


def test_of_a_probe_the_head_alone_trains() -> None:
    assert set(groups_of('videomae_vit-base-p16_linear_64xb4-20e_k400')) == {'head.linear.weight', 'head.linear.bias'}
    attentive = groups_of('videomae_vit-base-p16_attentive_64xb4-20e_k400')
    assert all(name.startswith('head.') for name in attentive) and 'head.query' in attentive


PRETRAIN_MINI = [FOLDER / 'mini' / f'{name}.py' for name in PRETRAIN]


@pytest.mark.parametrize('path', PRETRAIN_MINI, ids=lambda p: p.stem)
def test_a_twin_trains(path: Path) -> None:
    """Six updates: finite losses that fall, a gradient in every trained parameter, pictures; the recipe's parts."""
    torch.manual_seed(0)
    cfg = load_config(path)
    full = config(path.stem)
    cfg.model.encoder.depth = 2
    for part in ('masking', 'encoder', 'head', 'target', 'loss'):
        assert cfg.model[part].type == full.model[part].type
    for key in ('masked', 'position', 'class_token', 'final_norm'):
        assert cfg.model.encoder.get(key) == full.model.encoder.get(key)
    assert cfg.model.target.get('normalise') == full.model.target.get('normalise')
    model = MODELS.build(cfg.model)
    base = torch.nn.functional.interpolate(torch.rand(2, 3, 4, 6, 6), size=(8, 32, 32), mode='trilinear')
    batch = model.data_preprocessor({'image': (base * 255).to(torch.uint8)})
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(6):
        torch.manual_seed(1)
        loss = model.loss(batch)['loss']
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        assert not [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
        optimizer.step()
    assert losses[-1] < losses[0]
    columns = model.eval().pictures(batch)
    assert {'original', 'masked'} <= set(columns) and columns['original'].shape == (2, 3, 32, 4 * 32)
