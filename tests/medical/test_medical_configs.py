"""Every medical config: loads, builds without memory, has the figures of its source; every twin takes a step."""

import re
from pathlib import Path

import pytest
import torch

from pretrain.data.loader import build_train_loader
from pretrain.data.sampler import TrainOrder
from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.grid import TokenGrid
from pretrain.masking import RandomMasking
from pretrain.record import PROTOCOL_KEYS
from pretrain.registry import DATASETS, MODELS, PARAM_SCHEDULERS, TRANSFORMS, build_task

pytestmark = pytest.mark.unit
FOLDER = Path(__file__).parents[2] / 'medical' / 'configs'
FULL = sorted(FOLDER.glob('*.py'))
MINI = sorted((FOLDER / 'mini').glob('*.py'))

# Pre-training: effective batch, peak lr, epochs, warm-up epochs, tokens, hidden, decoder width, depth, heads.
PRETRAIN = {
    'selfmedmae-r125_vit3d-base-p16_dec384x8_1xb24-10000e_btcv': (24, 1.5e-4, 10000, 100, 216, 27, 384, 8, 12),
    'selfmedmae_vit3d-base-p16_dec384x8_1xb24-10000e_btcv': (24, 1.5e-4, 10000, 100, 216, 162, 384, 8, 12),
    'selfmedmae-r125_vit3d-base-p16_dec384x8_1xb24-500e_msdbrats': (24, 1.5e-4, 500, 10, 512, 64, 384, 8, 12),
    'mae_vit3d-base-p16_dec512x8_1xb16-3000e_btcv': (16, 3e-4, 3000, 300, 216, 162, 512, 8, 8),
    'simmim_vit3d-base-p16_linear_1xb16-3000e_btcv': (16, 1e-4, 3000, 50, 216, 162, None, None, None),
    'medicalmae_vit-small-p16_dec512x2_8xb256-800e_cxr': (2048, 1.2e-3, 800, 40, 196, 177, 512, 2, 16),
    'medicalmae_vit-base-p16_dec512x8_8xb256-800e_cxr': (2048, 1.2e-3, 800, 40, 196, 177, 512, 8, 16),
    'selfmedmae_vit-base-p16_dec256x8_8xb32-800e_nih': (256, 1.5e-4, 800, 40, 196, 147, 256, 8, 8),
}
# Transfer: effective batch, peak lr, epochs, layer decay, drop path, published score.
TRANSFER = {
    'selfmedmae_vit3d-base-p16_unetr_1xb24-5000e_btcv-18-12': (24, 8.0625e-4, 5000, 0.75, 0.1, 0.835),
    'selfmedmae_vit3d-base-p16_unetr_1xb6-300e_msdbrats': (6, 4.03125e-4, 300, 0.75, 0.1, 0.789),
    'mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6': (16, 3e-4, 3000, None, 0.0, None),
    'mae-inflated_vit-base-p16_unetr_1xb16-3000e_btcv-24-6': (16, 3e-4, 3000, None, 0.0, None),
    'swinunetr_swin3d-base-p2_swinunetr_1xb4-5000e_btcv-24-6': (4, 1e-4, 5000, None, 0.0, 0.8186),
    'medicalmae_vit-small-p16_ft_8xb128-75e_nih': (1024, 1e-3, 75, 0.55, 0.2, 0.823),
    'medicalmae_vit-base-p16_ft_8xb128-75e_nih': (1024, 1e-3, 75, 0.55, 0.2, 0.830),
    'selfmedmae_vit-base-p16_ft_8xb32-100e_nih': (256, 1e-3, 100, 0.75, 0.1, None),
    'mae_vit-base-p16_linear_1xb128-20e_medmnist': (128, 1e-3, 20, None, 0.0, None),
    'mae_vit-base-p16_linear_1xb128-20e_medmnist-test': (128, 1e-3, 20, None, 0.0, None),
    'mae_vit-base-p16_attentive_1xb128-20e_medmnist': (128, 1e-3, 20, None, 0.0, None),
    'mae_vit3d-base-p16_unetr-frozen_1xb16-3000e_btcv-24-6': (16, 3e-4, 3000, None, 0.0, None),
}
# What trains nothing.
FROZEN = {'mae_vit-base-p16_knn_1xb128-k20_medmnist'}
# What released files say beside that: betas, last learning rate, crops of a volume and how they are drawn.
RELEASED = {
    'selfmedmae_vit3d-base-p16_dec384x8_1xb24-10000e_btcv': (
        (0.9, 0.95),
        0.0,
        4,
        dict(positive=1, negative=1, flip=0.2),
    ),
    'selfmedmae-r125_vit3d-base-p16_dec384x8_1xb24-500e_msdbrats': (
        *((0.9, 0.95), 0.0, 4),
        dict(positive=1, negative=1, flip=0.2, standardise='nonzero', threshold='nonzero'),
    ),
    'mae_vit3d-base-p16_dec512x8_1xb16-3000e_btcv': ((0.9, 0.999), 1e-4, 4, dict()),
    'simmim_vit3d-base-p16_linear_1xb16-3000e_btcv': ((0.9, 0.999), 1e-4, 4, dict()),
    'selfmedmae_vit3d-base-p16_unetr_1xb24-5000e_btcv-18-12': (
        *((0.9, 0.95), 0.0, 4),
        dict(positive=1, negative=1, flip=0.2, rotate90=0.2, scale=(0.1, 0.1), shift=(0.1, 0.1)),
    ),
    'selfmedmae_vit3d-base-p16_unetr_1xb6-300e_msdbrats': (
        *((0.9, 0.95), 0.0, 1),
        dict(positive=1, negative=1, flip=0.2, rotate90=0.2, scale=(0.1, 0.1), shift=(0.1, 0.1), standardise='nonzero')
        | dict(threshold='nonzero'),
    ),
    'mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6': (
        *((0.9, 0.999), 1e-4, 4),
        dict(positive=1, negative=1, flip=0.1, rotate90=0.1, scale=None, shift=(0.5, 0.1)),
    ),
    'swinunetr_swin3d-base-p2_swinunetr_1xb4-5000e_btcv-24-6': (
        *((0.9, 0.999), 0.0, 4),
        dict(positive=1, negative=1, flip=0.2, rotate90=0.2, scale=(0.1, 0.1), shift=(0.1, 0.1)),
    ),
}
# Overlap and blending of windows, squares in the Dice loss, background among the organs, voxels that are scored.
UNETR_WINDOWS = {
    'selfmedmae': (0.5, 'constant', True, False, 'prepared'),
    'mae': (0.25, 'constant', False, True, 'prepared'),
    'swinunetr': (0.5, 'gaussian', False, False, 'stored'),
}


def test_every_config_has_its_figures_and_its_twin():
    assert {path.stem for path in FULL} == set(PRETRAIN) | set(TRANSFER) | FROZEN
    recipes_for_real_data = {path.stem for path in MINI if 'hippocampus' in path.stem}
    assert {path.stem for path in MINI} - recipes_for_real_data == {path.stem for path in FULL}


@pytest.mark.parametrize(
    ('ratio', 'size', 'hidden'),
    [(0.125, (96, 96, 96), 27), (0.125, (128, 128, 128), 64), (0.75, (160, 160, 160), 750), (0.75, (96, 96, 96), 162)],
)
def test_hidden_patches_of_volumes(ratio, size, hidden):
    grid = TokenGrid.over(size, (16, 16, 16))
    mask = RandomMasking(ratio)(grid, 3)
    assert mask.num_predict == hidden and mask.hidden.sum(1).tolist() == [hidden] * 3


def test_hidden_patches_of_primus():
    """nnssl's Primus: 8000 tokens of 8 voxels, 2000 kept."""
    grid = TokenGrid.over((160, 160, 160), (8, 8, 8))
    mask = RandomMasking(0.75)(grid, 1)
    assert (grid.num_tokens, mask.num_predict, mask.num_visible) == (8000, 6000, 2000)


def schedule_of(cfg, epochs: int):
    return PARAM_SCHEDULERS.build({'total': epochs * 10, 'per_epoch': 10, **cfg.param_scheduler})


@pytest.mark.parametrize('name', PRETRAIN)
def test_figures_of_pretraining(name):
    batch, lr, epochs, warmup, tokens, hidden, width, depth, heads = PRETRAIN[name]
    cfg = load_config(FOLDER / f'{name}.py')
    check_keys(cfg)
    gpus, per_gpu, length = map(int, re.search(r'_(\d+)xb(\d+)-(\d+)e_', name).groups())
    derived = derive(cfg, gpus)
    assert (derived.effective_batch, derived.batch_size, derived.lr) == (batch, per_gpu, pytest.approx(lr))
    assert cfg.train_cfg.epochs == epochs == length == cfg.recipe.epochs
    assert schedule_of(cfg, epochs).warmup == warmup * 10
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert model.encoder.grid.num_tokens == tokens
    assert model.masking(model.encoder.grid, 1).num_predict == hidden
    head = cfg.model.head
    assert (head.get('width'), head.get('depth'), head.get('heads')) == (width, depth, heads)
    groups = param_groups(model, lr, cfg.optim_wrapper.optimizer.weight_decay, cfg.optim_wrapper.paramwise_cfg)
    assert any('encoder.net.blocks.11.mlp.fc2.weight' in group['names'] for group in groups)


@pytest.mark.parametrize('name', RELEASED)
def test_facts_of_released_files(name):
    betas, last, crops, crop = RELEASED[name]
    cfg = load_config(FOLDER / f'{name}.py')
    derived = derive(cfg, 1)
    assert tuple(cfg.optim_wrapper.optimizer.betas) == betas
    assert derived.lr * schedule_of(cfg, cfg.train_cfg.epochs)(cfg.train_cfg.epochs * 10) == pytest.approx(last)
    data = cfg.train_dataloader.dataset
    assert data.crops == crops and {k: v for k, v in data.crop.items() if k not in ('type', 'size')} == crop
    assert data.get('labels', False) == bool(crop)
    if 'unetr' in name:
        overlap, blend, squared, background, grid = UNETR_WINDOWS[name.split('_')[0]]
        model = cfg.model
        assert (model.get('overlap', 0.5), model.blend, model.get('squared', True)) == (overlap, blend, squared)
        assert model.get('background', False) == background and cfg.task.grid == grid
        assert 'prepare' not in cfg.val_dataloader.dataset and 'names' not in cfg.val_dataloader.dataset.source


@pytest.mark.parametrize(
    ('name', 'mean', 'std', 'filter_', 'augment', 'fill', 'last'),
    [
        ('medicalmae_vit-small-p16_ft_8xb128-75e_nih', 0.5056, 0.252, 'bicubic', 'rand-m6-mstd0.5-inc1', 0.5056, 1e-5),
        ('selfmedmae_vit-base-p16_ft_8xb32-100e_nih', 0.5, 0.225, 'bilinear', 'rand-m9-mstd0.5-inc1', 0.5, 0.0),
    ],
)
def test_facts_of_released_files_for_images(name, mean, std, filter_, augment, fill, last):
    cfg = load_config(FOLDER / f'{name}.py')
    train, val = (TRANSFORMS.build(cfg[f'{part}_dataloader'].dataset.transform) for part in ('train', 'val'))
    assert (cfg.model.mean[0], cfg.model.std[0]) == (mean, std)
    assert train.interpolation == val.interpolation == filter_ and train.scale == (0.08, 1.0)
    assert cfg.train_dataloader.dataset.transform.rand_augment == augment
    assert cfg.train_dataloader.dataset.transform.fill == (fill,) * 3
    epochs = cfg.train_cfg.epochs
    assert derive(cfg, 8).lr * schedule_of(cfg, epochs)(epochs * 10) == pytest.approx(last)


def test_swinunetr_has_the_published_network():
    cfg = load_config(FOLDER / 'swinunetr_swin3d-base-p2_swinunetr_1xb4-5000e_btcv-24-6.py')
    optimizer, data = cfg.optim_wrapper.optimizer, cfg.train_dataloader.dataset
    assert optimizer.weight_decay == 1e-5 and cfg.optim_wrapper.paramwise_cfg.no_decay == []
    assert data.prepare.window == (-175, 250) and data.prepare.spacing == (1.5, 1.5, 2.0)
    assert schedule_of(cfg, 5000).warmup == 500 and data.crop.size == cfg.model.image_size == (96, 96, 96)
    cfg.model.classes = [str(i) for i in range(14)]
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert f'{sum(p.numel() for p in model.parameters()) / 1e6:.1f}' == '62.2'
    args = model.initial.card.arch_args
    assert (args['embed_dim'], args['window_size'], args['depths']) == (48, [7, 7, 7], [2, 2, 2, 2])


def test_pretraining_takes_labels_for_its_crops(volumes):
    """As SelfMedMAE does; the model itself sees none."""
    cfg = load_config(FOLDER / 'mini' / 'selfmedmae_vit3d-base-p16_dec384x8_1xb24-10000e_btcv.py')
    settings = cfg.train_dataloader.dataset
    settings.source.file = str(volumes / 'dataset.json')
    data = DATASETS.build(settings)
    batch = next(iter(build_train_loader(data, TrainOrder(len(data), 2), 2, num_iterations=1)))
    assert batch['label'].shape == (2, 32, 32, 32)
    cfg.model.encoder.depth = 1
    model = MODELS.build(cfg.model)
    assert model.loss(model.data_preprocessor(batch))['loss'].isfinite()


@pytest.mark.parametrize('name', TRANSFER)
def test_figures_of_transfer(name):
    batch, lr, epochs, decay, drop_path, published = TRANSFER[name]
    path = FOLDER / f'{name}.py'
    cfg = load_config(path)
    check_keys(cfg)
    gpus, per_gpu, length = map(int, re.search(r'_(\d+)xb(\d+)-(\d+)e_', name).groups())
    derived = derive(cfg, gpus)
    assert (derived.effective_batch, derived.batch_size, derived.lr) == (batch, per_gpu, pytest.approx(lr))
    assert cfg.train_cfg.epochs == epochs == length == cfg.recipe.epochs
    assert cfg.optim_wrapper.paramwise_cfg.get('layer_decay') == decay
    assert cfg.model.encoder.get('drop_path_rate', 0.0) == drop_path
    assert cfg.recipe.get('published', {}).get(cfg.protocol.metric) == published
    assert set(cfg.protocol) == set(PROTOCOL_KEYS)
    assert 'Published' in path.read_text() and f'{path.name} ' in path.read_text()
    build_task(cfg.task).check(cfg)


def test_twins_have_protocols_of_their_own():
    ids = {}
    for path in [*FULL, *MINI]:
        cfg = load_config(path)
        if 'protocol' in cfg:
            ids.setdefault(cfg.protocol.id, []).append(path.relative_to(FOLDER))
    for name, paths in ids.items():
        folders = {path.parent for path in paths}
        assert len(folders) == 1, f'{name} is the id of {paths}'


PRETRAIN_TWINS = [p for p in MINI if ('dec' in p.stem or 'simmim' in p.stem) and 'unetr' not in p.stem]


@pytest.mark.parametrize('path', PRETRAIN_TWINS, ids=lambda p: p.stem)
def test_a_twin_of_pretraining_takes_steps(path):
    cfg = load_config(path)
    if 'depth' in cfg.model.encoder:
        cfg.model.encoder.depth = 2
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    batch = model.data_preprocessor({'image': torch.rand(2, model.channels, *model.image_size)})
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(5):
        torch.manual_seed(1)  # the same mask each time, so that the loss must fall
        loss = model.loss(batch)['loss']
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward()
        assert not [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
        optimizer.step()
    assert losses[-1] < losses[0]
    assert 'original' in model.eval().pictures(batch)


@pytest.mark.parametrize('path', [p for p in FULL if p.stem in PRETRAIN], ids=lambda p: p.stem)
def test_a_twin_has_the_parts_of_its_recipe(path):
    def parts(model):
        encoder = model.encoder
        return (
            (model.masking.type, model.masking.ratio, encoder.type, encoder.masked, encoder.position),
            (encoder.get('init'), encoder.get('class_token'), model.head.type, model.head.get('position')),
            (model.target.type, model.target.normalise, model.loss.type, model.loss.on),
        )

    assert parts(load_config(FOLDER / 'mini' / path.name).model) == parts(load_config(path).model)


@pytest.mark.parametrize('channels', [1, 4])
def test_targets_of_selfmedmae_are_a_layer_norm(channels):
    """A LayerNorm without weights over all voxels and channels of a patch."""
    target = MODELS.build(
        dict(type='Pixels', normalise='patch-biased', patch=(4, 4, 4), image_size=(8, 8, 8), channels=channels)
    )
    image = torch.rand(2, channels, 8, 8, 8)
    patches = (
        image.unfold(2, 4, 4).unfold(3, 4, 4).unfold(4, 4, 4).permute(0, 2, 3, 4, 5, 6, 7, 1).flatten(4).flatten(1, 3)
    )
    expected = torch.nn.functional.layer_norm(patches, patches.shape[-1:], eps=1e-5)
    torch.testing.assert_close(target({'image': image}), expected, rtol=1e-4, atol=1e-5)


def test_float_inputs_count_from_0_to_1():
    """Volumes reach the model as floats; the same values as uint8 images give the same network input."""
    model = MODELS.build(load_config(FOLDER / 'mini' / 'simmim_vit3d-base-p16_linear_1xb16-3000e_btcv.py').model)
    levels = torch.randint(0, 256, (1, 1, *model.image_size), dtype=torch.uint8)
    one = model.data_preprocessor({'image': levels})['image']
    other = model.data_preprocessor({'image': levels.float() / 255})['image']
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
