"""Held-out reconstruction loss: of the right weights, under fixed masks, or not at all."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmark.proxies import measure_proxies
from benchmark.reconstruction import _matching, choose, pretraining_run, reconstruction_loss
from pretrain.data.build import build_dataset
from pretrain.data.seeding import mix
from pretrain.engine.launch import launch, load_config
from pretrain.engine.seeding import seed_step
from pretrain.errors import DataError, UserError

pytestmark = pytest.mark.unit

CONFIG = """\"\"\"Tiny MAE for tests.\"\"\"
recipe = dict(method='MAE', epochs=6)
model = dict(
    type='MaskedModel',
    image_size=16,
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(type='ViTEncoder', arch='vit_tiny_patch16_224', patch_size=4, embed_dim=16, depth=2, num_heads=2,
                 masked='drop', position='sincos-xy', drop_path_rate=0.5),
    head=dict(type='TransformerDecoder', width=16, depth=1, heads=2),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(type='ImageDataset', source=dict(type='FolderSource', root='{data}'),
                 transform=dict(type='PretrainAugment', size=16, scale=(0.3, 1.0))),
)
train_cfg = dict(type='TrainLoop', effective_batch=8, epochs=6)
optim_wrapper = dict(type='GuardedOptimWrapper', constructor='ParamGroups', precision='fp32',
                     optimizer=dict(type='AdamW', lr=1e-2, betas=(0.9, 0.95), weight_decay=0.05))
param_scheduler = dict(type='WarmupCosine', warmup=0.5)
default_hooks = dict(save=dict(export_at=[1]), metrics=dict(interval=4), pictures=None)
randomness = dict(seed=3)
"""


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `train` and `val` of 24 smooth images each."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for part in ('train', 'val'):
        (root / part).mkdir()
        for i in range(24):
            small = Image.fromarray(rng.integers(0, 256, (2, 2, 3), dtype=np.uint8))
            small.resize((20, 20), Image.Resampling.BICUBIC).save(root / part / f'{i:02d}.png')
    return root


@pytest.fixture(scope='module')
def run(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished pre-training of 18 updates, with an export after its first epoch."""
    folder = tmp_path_factory.mktemp('pretraining')
    (folder / 'tiny.py').write_text(CONFIG.replace('{data}', str(images / 'train')))
    launch(load_config(folder / 'tiny.py'), folder / 'run', launcher='none').train()
    return folder / 'run'


def test_the_loss_is_that_of_the_masked_pixels(run: Path, images: Path) -> None:
    """By hand: the mean squared error over the pixels of the masked patches, image by image."""
    cfg = load_config(run / 'config.py')
    settings = cfg.train_dataloader.dataset.to_dict()
    settings['source'] = {'type': 'FolderSource', 'root': str(images / 'val')}
    dataset = build_dataset(settings)
    model = _matching(cfg, run, run / 'encoder.safetensors').eval()
    errors = []
    for i in range(len(dataset)):
        batch = model.data_preprocessor({'image': dataset[0, i]['image'][None]})
        seed_step(mix(0, i) >> 32, 0, 0)
        found = model.predict(batch)
        goal = found['image'].reshape(3, 4, 4, 4, 4).permute(1, 3, 2, 4, 0).reshape(16, 48)  # row, column, y, x, c
        hidden = found['mask'].predict[0]
        assert hidden.sum() == 12
        errors.append((found['prediction'][0] - goal)[hidden].square().mean().item())
    assert reconstruction_loss(run, images / 'val') == pytest.approx(np.mean(errors), rel=1e-5)


def test_it_repeats_whatever_the_workers_and_the_seed_of_the_training(run: Path, images: Path, tmp_path: Path) -> None:
    first = reconstruction_loss(run, images / 'val')
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert reconstruction_loss(run, images / 'val', num_workers=1) == first
    assert torch.equal(state, torch.get_rng_state())
    other = shutil.copytree(run, tmp_path / 'run')
    text = (other / 'config.py').read_text()
    assert 'seed=3' in text and text.count("type='ImageDataset'") == 1
    text = text.replace('seed=3', 'seed=4').replace("type='ImageDataset'", "type='ImageDataset', seed=9")
    (other / 'config.py').write_text(text)
    assert reconstruction_loss(other, images / 'val') == first
    assert reconstruction_loss(run, images / 'val', seed=1) != first
    assert reconstruction_loss(run, images / 'train') != first


def test_training_lowers_it(run: Path, images: Path, tmp_path: Path) -> None:
    """Against the same recipe with a learning rate of 0."""
    cfg = load_config(run / 'config.py')
    untrained = shutil.copytree(run, tmp_path / 'run')
    shutil.rmtree(untrained / 'checkpoints')
    cfg.optim_wrapper.optimizer.lr = 0.0
    for key in ('derived', 'recipe_hash', 'experiment_name', 'launcher', 'resume', 'work_dir'):
        cfg.pop(key)
    launch(cfg, untrained, launcher='none').train()
    assert reconstruction_loss(run, images / 'val') < 0.9 * reconstruction_loss(untrained, images / 'val')


def test_only_the_weights_of_the_checkpoint_count(run: Path, images: Path, tmp_path: Path) -> None:
    export = run / 'epochs' / '0001' / 'encoder.safetensors'
    assert pretraining_run(export) == pretraining_run(run / 'encoder.safetensors') == run
    with pytest.raises(UserError, match='encoder of none of the training checkpoints'):
        reconstruction_loss(run, images / 'val', export)
    tensors = load_file(run / 'encoder.safetensors')
    tensors['norm.bias'][0] += 1e-6
    save_file(tensors, tmp_path / 'changed.safetensors')
    with pytest.raises(UserError, match='encoder of none'):
        reconstruction_loss(run, images / 'val', tmp_path / 'changed.safetensors')


def test_without_a_run_there_is_no_loss(run: Path, images: Path, tmp_path: Path) -> None:
    encoder = shutil.copy(run / 'encoder.safetensors', tmp_path)
    with pytest.raises(UserError, match='keep the run directory'):
        pretraining_run(encoder)
    with pytest.raises(UserError, match='no config'):
        reconstruction_loss(tmp_path, images / 'val')
    shutil.copy(run / 'config.py', tmp_path)
    with pytest.raises(UserError, match='no training checkpoint'):
        reconstruction_loss(tmp_path, images / 'val')


def test_a_damaged_image_is_not_replaced_by_another(run: Path, images: Path, tmp_path: Path) -> None:
    held_out = shutil.copytree(images / 'val', tmp_path / 'val')
    (held_out / '03.png').write_bytes(b'none')
    with pytest.raises(DataError, match='png is damaged'):
        reconstruction_loss(run, held_out)


def test_it_is_one_of_the_proxies(run: Path, images: Path) -> None:
    found = measure_proxies(run / 'encoder.safetensors', images / 'val', run=run, view_images=4, views=2)
    assert found['reconstruction_loss'] == reconstruction_loss(run, images / 'val')


def test_samples_are_spread_and_repeat() -> None:
    found = choose(1000, 50)
    assert found == choose(1000, 50) == sorted(set(found)) and len(found) == 50
    assert found != choose(1000, 50, seed=1)
    assert min(found) < 100 and max(found) > 900
    assert choose(5, 50) == [0, 1, 2, 3, 4]
