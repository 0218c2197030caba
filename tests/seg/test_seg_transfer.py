"""`mimbench transfer` to segmentation from end to end on thirteen drawn scenes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from seg_scenes import CLASSES
from warm import spread

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from pretrain.engine.checkpointing import load
from pretrain.record import read_result
from tools.main import main

pytestmark = [
    pytest.mark.smoke,
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore'),
]
CONFIGS = Path(__file__).parents[2] / 'seg_mmsegmentation' / 'configs'
MAE = CONFIGS / 'mini' / 'mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
LINEAR = CONFIGS / 'mini' / 'ibot_vit-base-p16_linear_4xb4-160k_ade20k.py'


SIZES = [
    'model.backbone.image_size=32',
    'model.data_preprocessor.size=(32,32)',
    'model.test_cfg.crop_size=(32,32)',
    'model.test_cfg.stride=(24,24)',
    'train_dataloader.dataset.pipeline.2.scale=(128,32)',
    'train_dataloader.dataset.pipeline.3.crop_size=(32,32)',
    'val_dataloader.dataset.pipeline.1.scale=(128,32)',
]
SMALL = [
    *SIZES,
    'model.backbone.levels=[0,1,2,3]',
    'model.backbone.four_levels=True',
    'model.decode_head.channels=16',
    'model.auxiliary_head.channels=16',
    'train_dataloader.num_workers=0',
    'visualizer.vis_backends=[]',
    'val_dataloader.num_workers=0',
    'train_cfg.effective_batch=4',
]
FAST = [*SMALL, 'train_cfg.iterations=24', 'param_scheduler.warmup=2', 'optim_wrapper.optimizer.lr=4e-3']
FAST += ['custom_hooks.0.interval=12', 'default_hooks.save.interval=12']


@pytest.fixture
def transfer(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`transfer(config, checkpoint, options, *more)`: the exit code of the command, run in this process."""
    monkeypatch.chdir(tmp_path)

    def run(config: Path, checkpoint: object, options: list[str], *more: object, data: bool = True) -> int:
        words = ['transfer', config, '--checkpoint', checkpoint, '--work-dir', 'run', *more]
        words += ['--data', scenes] if data else []
        return main([*map(str, words), '--cfg-options', *options])

    return run


def test_from_a_checkpoint_to_a_score(
    transfer: Callable[..., int], encoder_file: Callable[[str], Path], capsys: pytest.CaptureFixture
) -> None:
    path = encoder_file('small')
    assert transfer(MAE, path, FAST) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    for line in (
        'tensors loaded',
        '9 training and 4 validation images of 3 classes',
        'effective batch 4 = 1 x 4 x 1',
        'note: weight decay of positions and class token: as published, 0.05',
        'lr factor',
        'mIoU',
    ):
        assert line in printed, line
    found = read_result('run')
    assert found.scores['mIoU'] > 0.5 and set(found.scores) == {'mIoU', 'mAcc', 'aAcc'}
    assert set(found.per_class) == {'IoU', 'Acc'} and set(found.per_class['IoU']) == set(CLASSES)
    assert found.load_report['counts']['missing'] == 0 and found.start.sha256
    assert found.num_samples == {'train': 9, 'val': 4} and found.effective_batch == 4
    assert any(note.endswith('as published, 0.05') for note in found.notes)
    during = [json.loads(line) for line in Path('run/scores.jsonl').read_text().splitlines()]
    assert [row['iter'] for row in during] == [12, 24] and during[-1]['mIoU'] == found.scores['mIoU']
    rows = [json.loads(line) for line in Path('run/metrics.jsonl').read_text().splitlines()]
    assert sum(row['loss'] for row in rows[-4:]) < 0.9 * sum(row['loss'] for row in rows[:4])
    pictures = sorted(Path('run/pictures').glob('*.png'))
    assert [path.name for path in pictures] == [f'00000{i}_00{i}.png' for i in range(4)]
    sheet = np.asarray(Image.open(pictures[0]))
    assert sheet.std() > 20 and sheet.shape[1] > 3 * 64
    # The card's statistics, scaled to 255, went into the model.
    config = Path('run/config.py').read_text()
    assert '127.5' in config and 'num_classes=3' in config


def test_a_stopped_run_goes_on_as_if_it_had_not(
    transfer: Callable[..., int], encoder_file: Callable[[str], Path], capsys: pytest.CaptureFixture
) -> None:
    options = [*FAST, 'train_cfg.iterations=8', 'default_hooks.save.interval=4', 'custom_hooks.0.interval=4']
    assert transfer(MAE, encoder_file('small'), options) == 0
    whole, lines = read_result('run'), Path('run/metrics.jsonl').read_text()
    last = Path('run/checkpoints/iter_0000008.pth')
    weights = load(last)['model']
    Path('run/result.json').unlink()
    last.unlink()
    capsys.readouterr()
    assert transfer(MAE, encoder_file('small'), options) == 0
    assert 'resumed iter_0000004.pth: 4 of 8 updates' in capsys.readouterr().out
    rest = read_result('run')
    assert rest.scores == whole.scores and rest.per_class == whole.per_class and rest.protocol == whole.protocol
    assert Path('run/metrics.jsonl').read_text() == lines
    for name, tensor in load(last)['model'].items():
        assert torch.equal(tensor, weights[name]), name


def test_controls_and_a_linear_head(transfer: Callable[..., int], encoder_file: Callable[[str], Path]) -> None:
    short = [*FAST, 'train_cfg.iterations=2', 'param_scheduler.warmup=1', 'task.pictures=0']
    assert transfer(MAE, 'random', short, '--like', encoder_file('small')) == 0
    control = read_result('run')
    assert control.start.random and control.load_report is None and control.start.card.arch_args['embed_dim'] == 32
    assert not list(Path('run/pictures').glob('*'))
    shutil.rmtree('run')
    linear = [o for o in short if not o.startswith(('model.decode_head', 'model.auxiliary_head'))]
    assert transfer(LINEAR, encoder_file('small'), linear) == 0
    found = read_result('run')
    assert found.load_report['counts']['dropped'] == 0 and found.protocol.id != control.protocol.id
    assert not any('weight decay' in note for note in found.notes)


def test_two_processes(
    scenes: Path, encoder_file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record, every image scored once, and no parameter that DDP would wait for in vain."""
    monkeypatch.chdir(tmp_path)
    words = ['transfer', MAE, '--checkpoint', encoder_file('small'), '--work-dir', 'run', '--data', scenes]
    words += ['--cfg-options', *FAST, 'train_cfg.iterations=2', 'param_scheduler.warmup=1']
    spread(*words, log=tmp_path / 'log')
    found = read_result('run')
    assert found.world_size == 2 and found.derived['batch_size'] == 2 and found.num_samples['val'] == 4
    assert len(Path('run/metrics.jsonl').read_text().splitlines()) == 2
