"""Held-out reconstruction loss: of the right weights, under fixed masks, or not at all."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import write_config

from pretrain.data.build import build_dataset
from pretrain.data.seeding import mix
from pretrain.engine.launch import launch, load_config
from pretrain.engine.reconstruction import NoLossError, _matching, choose, pretraining_run, reconstruction_loss
from pretrain.engine.seeding import seed_step
from pretrain.errors import DataError

pytestmark = pytest.mark.unit

OPTIONS = {
    'recipe.epochs': 6,
    'model.encoder.depth': 2,
    'model.encoder.drop_path_rate': 0.5,
    'model.target.normalise': 'none',
    'train_cfg': {'_delete_': True, 'type': 'TrainLoop', 'effective_batch': 8, 'epochs': 6},
    'default_hooks.save': {'_delete_': True, 'export_at': [1]},
}
"""What differs from the tiny training of the other tests: a loss in pixels, and an export on the way."""


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
    path = write_config(folder, images=images / 'train')
    launch(load_config(path, OPTIONS), folder / 'run', launcher='none').train()
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
    tensors = load_file(run / 'encoder.safetensors')
    tensors['norm.bias'][0] += 1e-6
    save_file(tensors, tmp_path / 'changed.safetensors')
    with pytest.raises(NoLossError, match='encoder of none'):
        reconstruction_loss(run, images / 'val', tmp_path / 'changed.safetensors')


def test_an_export_on_the_way_brings_its_whole_model(run: Path, images: Path, tmp_path: Path) -> None:
    """The training checkpoints of the first epoch are gone; its loss is that of the weights it had."""
    kept = shutil.copytree(run, tmp_path / 'run')
    export = kept / 'epochs' / '0001' / 'encoder.safetensors'
    assert pretraining_run(export) == pretraining_run(kept / 'encoder.safetensors') == kept
    early, last = reconstruction_loss(kept, images / 'val', export), reconstruction_loss(kept, images / 'val')
    assert early > 1.05 * last
    assert not (kept / 'model.pth').exists()
    shutil.rmtree(kept / 'checkpoints')
    assert pretraining_run(export) == kept
    assert reconstruction_loss(kept, images / 'val', export) == early
    shutil.copy(export.with_name('model.pth'), kept)
    with pytest.raises(NoLossError, match='encoder of none'):
        reconstruction_loss(kept, images / 'val')
    for name in ('checkpoints', 'epochs'):
        shutil.rmtree(kept / name, ignore_errors=True)
    shutil.copytree(run, kept, dirs_exist_ok=True)
    export.with_name('model.pth').unlink()
    with pytest.raises(NoLossError, match=r'no model\.pth lies beside it'):
        reconstruction_loss(kept, images / 'val', export)


@pytest.mark.parametrize(
    'line',
    [
        "import os; os.makedirs('done')",
        "x = open('done', 'w')",
        "_base_ = ['x.py']",
        'x = dict(**model)',
        'x = (',
        "model = dict(type='subprocess.Popen', args=['touch', 'done'])",
        "model = dict(head=[{'type': 'os:mkdir', 'path': 'done'}])",
        "custom_imports = dict(imports=['payload'])",
        "custom_imports = dict(imports='payload')",
        "custom_imports = ['payload']",
    ],
)
def test_code_beside_a_checkpoint_is_not_executed(
    run: Path, images: Path, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'payload').mkdir()
    (tmp_path / 'payload' / '__init__.py').write_text("open('done', 'w')")
    other = shutil.copytree(run, tmp_path / 'run')
    with open(other / 'config.py', 'a') as file:
        file.write(line + '\n')
    with pytest.raises(NoLossError, match='holds code'):
        reconstruction_loss(other, images / 'val')
    assert not (tmp_path / 'done').exists()


def test_a_model_that_cannot_be_built_has_no_loss(run: Path, images: Path, tmp_path: Path) -> None:
    """As BEiT's, whose tokenizer lay elsewhere; and weights of another version of the code."""
    pixels, tokens = "type='Pixels'", "type='TokenIds', tokenizer='gone.safetensors'"
    cases = [(pixels, tokens, 'cannot be built.*gone.safetensors'), ('depth=2', 'depth=3', 'is not a state of')]
    for old, new, message in cases:
        other = shutil.copytree(run, tmp_path / 'run', dirs_exist_ok=True)
        text = (other / 'config.py').read_text()
        assert old in text
        text = text.replace(old, new).replace("normalise='none', ", '' if 'Token' in new else "normalise='none', ")
        (other / 'config.py').write_text(text)
        with pytest.raises(NoLossError, match=message):
            reconstruction_loss(other, images / 'val')


def test_without_a_run_there_is_no_loss(run: Path, images: Path, tmp_path: Path) -> None:
    encoder = shutil.copy(run / 'encoder.safetensors', tmp_path)
    with pytest.raises(NoLossError, match='keep the run directory'):
        pretraining_run(encoder)
    with pytest.raises(NoLossError, match='no config'):
        reconstruction_loss(tmp_path, images / 'val')
    shutil.copy(run / 'config.py', tmp_path)
    with pytest.raises(NoLossError, match='no training checkpoint'):
        reconstruction_loss(tmp_path, images / 'val')


def test_a_damaged_image_is_not_replaced_by_another(run: Path, images: Path, tmp_path: Path) -> None:
    held_out = shutil.copytree(images / 'val', tmp_path / 'val')
    (held_out / '03.png').write_bytes(b'none')
    with pytest.raises(DataError, match='png is damaged'):
        reconstruction_loss(run, held_out)


def test_samples_may_be_the_config_of_a_source(run: Path, images: Path) -> None:
    source = {'type': 'FolderSource', 'root': str(images / 'val')}
    assert reconstruction_loss(run, source) == reconstruction_loss(run, images / 'val')


def test_samples_are_spread_and_repeat() -> None:
    found = choose(1000, 50)
    assert found == choose(1000, 50) == sorted(set(found)) and len(found) == 50
    assert found != choose(1000, 50, seed=1)
    assert min(found) < 100 and max(found) > 900
    assert choose(5, 50) == [0, 1, 2, 3, 4]
