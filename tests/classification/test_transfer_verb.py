"""`mimbench transfer` from end to end on 48 small images, and what it refuses."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from warm import spread

from pretrain.engine.loop import TrainLoop
from pretrain.record import read_result
from tools.main import main

pytestmark = pytest.mark.smoke

MINI = Path(__file__).parents[2] / 'classification' / 'configs' / 'mini'
FINETUNE = MINI / 'mae_vit-base-p16_ft_8xb128-100e_in1k.py'
KNN = MINI / 'mae_vit-base-p16_knn_1xb256-k20_in1k.py'
LINEAR = MINI / 'mae_vit-base-p16_linear_8xb512-90e_in1k.py'
FROZEN = MINI / 'mae_vit-base-p16_frozenlinear_1xb256-90e_in1k.py'

SIZE = ['model.image_size=16', 'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0']
SIZE += ['val_dataloader.dataset.transform.resize=16', 'val_dataloader.dataset.transform.crop=16']
AUGMENTED = ['train_dataloader.dataset.transform.size=16', 'train_cfg.effective_batch=12', 'param_scheduler.warmup=1']
CLEAN = ['train_dataloader.dataset.transform.resize=16', 'train_dataloader.dataset.transform.crop=16']
FAST = [*SIZE, *AUGMENTED, 'train_cfg.epochs=8', 'optim_wrapper.optimizer.lr=5e-3', 'custom_hooks.0.interval=4']


@pytest.fixture
def transfer(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`transfer(config, checkpoint, options, *more)`: the exit code of the command, run in this process."""
    monkeypatch.chdir(tmp_path)

    def run(config: Path, checkpoint: object, options: list[str], *more: object, data: bool = True) -> int:
        words = ['transfer', config, '--checkpoint', checkpoint, '--work-dir', 'run', *more]
        if data:
            words += ['--data', images / 'train', '--val', images / 'val']
        return main([*map(str, words), '--cfg-options', *options])

    return run


def test_finetune(
    transfer: Callable[..., int], encoder_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert transfer(FINETUNE, encoder_file, FAST) == 0
    printed = capsys.readouterr().out
    for line in (
        '28 of 28 tensors loaded',
        '36 training and 12 validation images of 3 classes',
        'effective batch 12 = 1 x 12 x 1',
        'lr factor',
        'published: nothing comparable',
        'top1',
    ):
        assert line in printed, line
    rows = [json.loads(line) for line in (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()]
    assert len(rows) == 24
    assert sum(r['loss'] for r in rows[-6:]) < sum(r['loss'] for r in rows[:6]) - 0.3
    found = read_result('run')
    assert found.scores['top1'] > 0.5 and set(found.per_class['top1']) == {'blue', 'green', 'red'}
    assert found.load_report['counts']['loaded'] == 28 and found.load_report['counts']['dropped'] == 2
    assert found.start.sha256 and found.start.card.method == 'MAE' and not found.start.random
    assert found.derived['lr'] == 5e-3 and found.effective_batch == 12 and found.world_size == 1
    assert found.num_samples == {'train': 36, 'val': 12} and found.cost.wall_seconds > 0
    assert found.command.startswith('mimbench transfer ') and '--checkpoint' in found.command
    during = [json.loads(line) for line in (tmp_path / 'run' / 'scores.jsonl').read_text().splitlines()]
    assert [row['epoch'] for row in during] == [4, 8] and during[-1]['nll'] == found.scores['nll']


def test_a_finished_run_is_not_run_again(
    transfer: Callable[..., int], encoder_file: Path, write_encoder: Callable[..., Path], capsys: pytest.CaptureFixture
) -> None:
    assert transfer(KNN, encoder_file, [*SIZE, *CLEAN, 'task.k=3']) == 0
    first = Path('run/result.json').read_bytes()
    capsys.readouterr()
    assert transfer(KNN, encoder_file, [*SIZE, *CLEAN, 'task.k=3']) == 0
    assert 'was done before' in capsys.readouterr().out
    assert Path('run/result.json').read_bytes() == first
    assert transfer(KNN, write_encoder(5), [*SIZE, *CLEAN, 'task.k=3']) == 2
    assert 'different: checkpoint' in capsys.readouterr().err
    assert transfer(KNN, encoder_file, [*SIZE, *CLEAN, 'task.k=5']) == 2
    assert 'different: config' in capsys.readouterr().err
    assert transfer(KNN, encoder_file, [*SIZE, *CLEAN, 'task.k=5'], '--force') == 0
    assert read_result('run').scores != {} and Path('run/result.json').read_bytes() != first


def test_a_checkpoint_is_recorded_wherever_the_command_is_given(
    transfer: Callable[..., int], encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path would mean another file to a report that is written in another folder."""
    monkeypatch.chdir(encoder_file.parent)
    options = [*SIZE, *CLEAN, 'task.k=3']
    assert transfer(KNN, encoder_file.name, options) == 0
    assert read_result('run').start.path == str(encoder_file.resolve())
    assert transfer(KNN, 'random', options, '--like', encoder_file.name, '--force') == 0
    found = read_result('run').start
    assert found.random and found.path is None and found.like == str(encoder_file.resolve())


def test_an_unfinished_run_goes_on(
    transfer: Callable[..., int], encoder_file: Path, capsys: pytest.CaptureFixture
) -> None:
    options = [*SIZE, *AUGMENTED, 'train_cfg.epochs=2', 'default_hooks.save.interval=1']
    assert transfer(FINETUNE, encoder_file, options) == 0
    whole = read_result('run')
    Path('run/result.json').unlink()
    Path('run/checkpoints/iter_0000006.pth').unlink()
    saved = torch.load('run/checkpoints/iter_0000003.pth', weights_only=True)
    assert 0 < saved['seconds'] < whole.cost.wall_seconds
    torch.save({**saved, 'seconds': 1e4}, 'run/checkpoints/iter_0000003.pth')
    assert transfer(FINETUNE, encoder_file, options) == 0
    assert 'resumed iter_0000003.pth: 3 of 6 updates' in capsys.readouterr().out
    rest = read_result('run')
    assert rest.cost.resumed_at == 3 and whole.cost.resumed_at == 0
    assert rest.cost.wall_seconds > 1e4, 'what the first process did is no gift'
    assert rest.scores == whole.scores and rest.protocol == whole.protocol


def test_control_and_probes(transfer: Callable[..., int], encoder_file: Path) -> None:
    like = ('--like', encoder_file)
    assert transfer(FINETUNE, 'random', [*FAST, 'train_cfg.epochs=2'], *like) == 0
    control = read_result('run')
    assert control.start.random and control.start.sha256 is None and control.load_report is None
    assert control.start.card.arch_args['embed_dim'] == 24
    shutil.rmtree('run')
    assert transfer(LINEAR, encoder_file, [*SIZE, *AUGMENTED, 'train_cfg.epochs=2']) == 0
    linear = read_result('run')
    assert linear.load_report['counts']['dropped'] == 0
    shutil.rmtree('run')
    assert (
        transfer(
            FROZEN, encoder_file, [*SIZE, *CLEAN, 'task.epochs=40', 'task.warmup=1', 'task.batch=12', 'task.lr=30.0']
        )
        == 0
    )
    probe = read_result('run')
    assert probe.effective_batch == 12 and probe.scores['top1'] > 0.4
    assert len({control.protocol.id, linear.protocol.id, probe.protocol.id}) == 3


def test_what_can_be_known_before_training(
    transfer: Callable[..., int], encoder_file: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    few = shutil.copytree(images, tmp_path / 'few')
    shutil.rmtree(few / 'val' / 'red')
    half = tmp_path / 'half.pth'
    state = torch.randn(3, 3)
    torch.save({'blocks.0.norm1.weight': state}, half)
    cases = [
        ((FINETUNE, 'nothing.pth', FAST), {}, 'nothing.pth: no such file'),
        ((FINETUNE, half, FAST), {}, 'half.pth'),
        ((FINETUNE, encoder_file, FAST, '--data', 'nowhere'), {'data': False}, 'nowhere'),
        ((FINETUNE, encoder_file, FAST, '--data', few / 'train', '--val', few / 'val'), {'data': False}, 'red'),
        (
            (FINETUNE, encoder_file, FAST, '--data', few / 'train', '--val', few / 'train'),
            {'data': False},
            'are in training and validation data',
        ),
        ((FINETUNE, encoder_file, [*FAST, 'model.num_classes=7']), {}, 'model.num_classes=7'),
        ((FINETUNE, encoder_file, [*FAST, 'model.image_size=18']), {}, 'multiple of the patch'),
        ((FINETUNE, encoder_file, [*FAST, 'model.mixupp=1']), {}, "did you mean 'mixup'"),
        ((FINETUNE, encoder_file, [*FAST, 'model.encoder.drop_pth=1']), {}, 'drop_pth'),
        ((FINETUNE, encoder_file, [*FAST, 'train_cfg.effective_batch=7']), {}, 'even number'),
        ((FINETUNE, encoder_file, FAST, '--like', encoder_file), {}, '--like belongs'),
        ((KNN, encoder_file, [*SIZE, *CLEAN, 'task.k=99']), {}, 'task.k is 99'),
    ]
    for words, options, message in cases:
        shutil.rmtree('run', ignore_errors=True)
        code, error = transfer(*words, **options), capsys.readouterr().err
        assert code == 2 and message in error and error.count('\n') == 1, error
        assert not Path('run/result.json').exists() and not Path('run/checkpoints').exists()


def test_grey_arrays_with_their_own_statistics(transfer: Callable[..., int], capsys: pytest.CaptureFixture) -> None:
    """A file as MedMNIST's: `--val` takes its validation arrays, and the card makes images and network grey."""
    rng = np.random.default_rng(0)
    labels = {part: np.arange(n)[:, None] % 3 for part, n in (('train', 30), ('val', 12))}
    images = {
        part: (rng.integers(0, 90, (len(y), 16, 16)) + 60 * y[..., None]).astype('uint8') for part, y in labels.items()
    }
    arrays = {f'{p}_images': images[p] for p in images} | {f'{p}_labels': labels[p] for p in labels}
    np.savez('grey.npz', **arrays)
    assert main(['card', 'grey.npz']) == 0
    options = [*SIZE, *CLEAN, 'task.k=3', 'model.encoder.arch_args.embed_dim=24', 'model.encoder.arch_args.num_heads=2']
    where = ('--data', 'grey.npz', '--val', 'grey.npz', '--card', '.')
    assert transfer(KNN, 'random', options, *where, data=False) == 0, capsys.readouterr().err
    found = read_result('run')
    assert found.num_samples == {'train': 30, 'val': 12}
    assert found.start.random and found.start.like is None and found.start.card.channels == 1
    assert found.scores['top1'] > 0.8


def test_two_processes(images: Path, encoder_file: Path, tmp_path: Path) -> None:
    """Fine-tuning on two CPU processes: one record, every image evaluated once."""
    words = ['transfer', FINETUNE, '--checkpoint', encoder_file, '--work-dir', 'run']
    words += ['--data', images / 'train', '--val', images / 'val', '--cfg-options', *FAST, 'train_cfg.epochs=2']
    said = spread(*words, log=tmp_path / 'log', folder=tmp_path)
    assert 'effective batch 12 = 2 x 6 x 1' in said and said.count('done: run') == 1
    found = read_result(tmp_path / 'run')
    assert found.world_size == 2 and found.num_samples['val'] == 12
    assert len((tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()) == 6


def test_another_checkpoint_under_the_same_name_is_not_gone_on_with(
    transfer: Callable[..., int], write_encoder: Callable, encoder_file: Path, capsys: pytest.CaptureFixture
) -> None:
    """The record would say that the score is that of the new one."""
    file = Path(shutil.copy(encoder_file, 'start.safetensors'))
    options = [*SIZE, *AUGMENTED, 'train_cfg.epochs=2', 'default_hooks.save.interval=1']
    assert transfer(FINETUNE, file, options) == 0
    Path('run/result.json').unlink()
    Path('run/checkpoints/iter_0000006.pth').unlink()
    shutil.copy(write_encoder(7), file)
    capsys.readouterr()
    assert transfer(FINETUNE, file, options) == 2
    assert 'start.safetensors is another file now; put back what was there' in capsys.readouterr().err
    assert not Path('run/result.json').exists()


def test_what_force_began_goes_on_after_a_preemption(
    transfer: Callable[..., int], encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 75 asks for the same command again, which has --force in it; asked for once more it begins anew."""
    options = [*SIZE, *AUGMENTED, 'train_cfg.epochs=2', 'default_hooks.save.interval=1']
    stops = [4]

    def stop(loop, micro_batches, really=TrainLoop._update):
        if stops and loop.iter == stops[0]:
            stops.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return really(loop, micro_batches)

    monkeypatch.setattr(TrainLoop, '_update', stop)
    options.append('default_hooks.signals.interval=1')
    with pytest.raises(SystemExit) as ended:
        transfer(FINETUNE, encoder_file, options, '--force')
    assert ended.value.code == 75
    assert transfer(FINETUNE, encoder_file, options, '--force') == 0
    assert read_result('run').cost.resumed_at == 5
    assert transfer(FINETUNE, encoder_file, options, '--force') == 0
    assert read_result('run').cost.resumed_at == 0
