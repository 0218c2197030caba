"""The task that measures the proxies of a checkpoint over images; those of known spectra are in tests/engine."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from warm import spread

from pretrain.checkpoint.load import build_net
from pretrain.encoders.net import features
from pretrain.engine import proxies
from pretrain.engine.proxies import alpha_req, rankme
from pretrain.engine.reconstruction import reconstruction_loss
from pretrain.record import Result, read_result
from tools.main import main

pytestmark = pytest.mark.unit

MINI = Path(__file__).parents[2] / 'classification' / 'configs' / 'mini'
CONFIG = MINI / 'mae_vit-base-p16_proxies_1xb256-n25600_in1k.py'
PRETRAIN = Path(__file__).parents[2] / 'pretrain' / 'configs' / 'mini' / 'mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
SMALL = ['model.image_size=16', 'val_dataloader.num_workers=0', 'task.view_samples=6', 'task.views=3']
SMALL += ['val_dataloader.dataset.transform.resize=16', 'val_dataloader.dataset.transform.crop=16']


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train (2 x 2) and val (2 x 20) of images of 24 x 20 pixels in two classes."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for part, count in (('train', 2), ('val', 20)):
        for i in range(2 * count):
            folder = root / part / ('a' if i < count else 'b')
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f'{part}{i:02d}.png')
    return root


@pytest.fixture(scope='module')
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished pre-training of 20 updates, with an export after the first of four epochs."""
    folder = tmp_path_factory.mktemp('pretraining') / 'run'
    model = ['image_size=16', 'encoder.embed_dim=24', 'encoder.depth=1', 'encoder.num_heads=2', 'head.width=16']
    options = [f'model.{option}' for option in (*model, 'head.depth=1', 'head.heads=2', 'target.normalise=none')]
    options += ['train_dataloader.dataset.transform.size=16', 'train_dataloader.batch_size=8']
    options += ['train_dataloader.num_workers=0', 'train_cfg.epochs=4', 'train_cfg.effective_batch=8']
    options += ['optim_wrapper.optimizer.lr=1e-2', 'param_scheduler.warmup=1', 'default_hooks.save.export_at=[1]']
    words = ['pretrain', PRETRAIN, '--data', data / 'val', '--work-dir', folder, '--cfg-options', *options]
    assert main([*map(str, words)]) == 0
    return folder


@pytest.fixture
def words(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`words(checkpoint, *options)`: the command that measures it, into the folder `run`."""
    monkeypatch.chdir(tmp_path)

    def command(checkpoint: object, *options: str, more: tuple = ()) -> list[str]:
        found = ['transfer', CONFIG, '--checkpoint', checkpoint, '--work-dir', 'run', '--force', *more]
        found += ['--data', data / 'train', '--val', data / 'val'] if '--val' not in more else []
        return [*map(str, found), '--cfg-options', *SMALL, *options]

    return command


@pytest.fixture
def measure(words: Callable[..., list[str]]) -> Callable[..., Result]:
    def run(*given: object, **more: tuple) -> Result:
        assert main(words(*given, **more)) == 0
        return read_result('run')

    return run


def test_proxies_are_those_of_the_encoders_features(measure: Callable, encoder_file: Path, data: Path) -> None:
    result = measure(encoder_file)
    net, _ = build_net(encoder_file)
    paths = sorted((data / 'val').rglob('*.png'))
    small = [Image.open(path).resize((19, 16), Image.Resampling.BICUBIC).crop((2, 0, 18, 16)) for path in paths]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in small])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = features(net, (pixels - mean) / std).mean(1).numpy()
    assert result.scores['rankme'] == pytest.approx(rankme(x), rel=1e-4) == result.score
    assert result.scores['alpha_req'] == pytest.approx(alpha_req(x), rel=1e-3)
    assert 1 < result.scores['lidar'] <= 5.01
    assert set(result.scores) == {'rankme', 'alpha_req', 'lidar'}
    assert result.protocol.id.startswith('proxies-') and result.protocol.higher_is_better
    assert result.derived == {'samples': 40, 'view_samples': 6, 'views': 3}
    assert any('keep the run directory' in note for note in result.notes)


def test_views_are_crops_of_the_images_in_order(
    measure: Callable, encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole images instead of crops: all views of an image are equal, and they are those of the sampled images."""
    seen = []
    monkeypatch.setattr(proxies, 'lidar', lambda views: seen.append(views) or 1.0)
    whole = ['task.augment.scale=(1.0,1.0)', 'task.augment.ratio=(1.2,1.2)', 'task.augment.flip=0.0']
    measure(encoder_file, *whole)
    (views,) = seen
    assert views.shape == (6, 3, 24)
    assert np.allclose(views, views[:, :1], atol=1e-6)
    assert len({tuple(np.round(image[0], 4)) for image in views}) == 6
    measure(encoder_file)
    assert not np.allclose(seen[1], seen[1][:, :1], atol=1e-2)


def test_batches_and_workers_change_nothing(
    measure: Callable, encoder_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure(encoder_file, 'task.samples=30').scores
    for name, batch, workers in (('other', 64, 0), ('third', 7, 1)):
        monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / name))
        loading = [f'val_dataloader.batch_size={batch}', f'val_dataloader.num_workers={workers}']
        assert measure(encoder_file, 'task.samples=30', *loading).scores == pytest.approx(first, rel=1e-4)
    assert measure(encoder_file, 'task.samples=30', more=('--seed', '5')).scores == first
    assert measure(encoder_file, 'task.samples=30', 'task.seed=1').scores != pytest.approx(first, rel=1e-4)


def test_the_control_has_its_proxies(measure: Callable, encoder_file: Path) -> None:
    like = ('--like', encoder_file)
    found = [measure('random', more=(*like, '--seed', seed)) for seed in (0, 0, 1)]
    assert found[0].scores == found[1].scores != found[2].scores
    assert set(found[0].scores) == {'rankme', 'alpha_req', 'lidar'}
    assert found[0].start.random and any('random weights have no reconstruction' in n for n in found[0].notes)
    assert found[0].protocol == measure(encoder_file).protocol


def test_convolutional_networks_are_pooled_as_they_do_it(measure: Callable, write_encoder: Callable) -> None:
    large = ['model.image_size=32', 'val_dataloader.dataset.transform.resize=32']
    large += ['val_dataloader.dataset.transform.crop=32']
    found = measure(write_encoder(0, 'resnet18', in_chans=3), *large).scores
    assert 1 < found['rankme'] <= 40.01 and 1 < found['lidar'] <= 5.01


def test_what_cannot_be_measured_is_one_line(
    words: Callable, encoder_file: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    few = shutil.copytree(data, tmp_path / 'few')
    for path in [*sorted((few / 'val' / 'a').iterdir())[7:], *sorted((few / 'val' / 'b').iterdir())[6:]]:
        path.unlink()
    damaged = shutil.copytree(data, tmp_path / 'damaged')
    (damaged / 'val' / 'a' / 'val03.png').write_bytes(b'none')

    def parts(root: Path) -> tuple:
        return ('--data', root / 'train', '--val', root / 'val')

    cases = [
        (words(encoder_file, more=parts(few)), '13 validation images; the proxies need 14'),
        (words(encoder_file, more=parts(damaged)), 'val03.png'),
        (words(encoder_file, 'task.samples=12'), 'task.samples is 12; it must be 14 at least'),
        (words(encoder_file, 'task.views=1'), 'task.views is 1; it must be 2 at least'),
        (words(encoder_file, 'task.augment.scal=1'), "did you mean 'scale'"),
    ]
    for command, message in cases:
        code, said = main(command), capsys.readouterr().err
        assert code == 2 and message in said and said.count('\n') == 1, said
        assert not Path('run/result.json').exists()


@pytest.mark.smoke
def test_two_processes_measure_the_same(
    measure: Callable, words: Callable, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features, views and the loss of images that the processes share."""
    one = measure(run / 'encoder.safetensors')
    shutil.rmtree('run')
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'none'))  # else they read the features of the first run
    said = spread(*words(run / 'encoder.safetensors'), log=tmp_path / 'log', folder=tmp_path)
    two = read_result('run')
    assert two.world_size == 2 and said.count('done: run') == 1
    assert 'reconstruction_loss' in two.scores and two.scores == pytest.approx(one.scores, rel=1e-4)


def test_with_its_run_a_checkpoint_has_its_loss(measure: Callable, run: Path, data: Path) -> None:
    """At the end and on the way, of the images that the features are of; where weights are gone a note says so."""
    last = measure(run / 'encoder.safetensors')
    assert last.scores['reconstruction_loss'] == reconstruction_loss(run, data / 'val')
    assert not any('reconstruction' in note for note in last.notes)
    export = run / 'epochs' / '0001' / 'encoder.safetensors'
    early = measure(export)
    assert early.scores['reconstruction_loss'] == reconstruction_loss(run, data / 'val', export)
    assert early.scores['reconstruction_loss'] > last.scores['reconstruction_loss']
    export.with_name('model.pth').rename(export.with_name('gone'))
    without = measure(export)
    export.with_name('gone').rename(export.with_name('model.pth'))
    assert without.scores == {k: v for k, v in early.scores.items() if k != 'reconstruction_loss'}
    assert any('encoder of none of the training checkpoints' in note for note in without.notes)
