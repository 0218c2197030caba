"""`mimbench transfer` of a detector from end to end on drawn scenes: record, pictures, resume, control, bad input."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmcv.ops', reason='detection needs the compiled operators of mmcv: make setup')

from det_data import edit, scenes
from PIL import Image

from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.nets import make_net
from pretrain.engine.checkpointing import finished, load
from pretrain.record import read_result
from tools.main import main

pytestmark = pytest.mark.smoke
MINI = Path(__file__).resolve().parents[2] / 'det_mmdetection' / 'configs' / 'mini'
VITDET = MINI / 'mae_vit-base-p16_vitdet-mask_64xb1-100e_coco.py'
NET = {'patch_size': 8, 'embed_dim': 32, 'depth': 2, 'num_heads': 2, 'img_size': 64}
SMALL = ['model.backbone.window=4', 'model.backbone.global_blocks=[1]', 'train_cfg.effective_batch=4']
SMALL += ['train_dataloader.num_workers=0', 'val_dataloader.num_workers=0', 'task.pictures=2', 'train_cfg.epochs=2']
SMALL += ['default_hooks.save.interval=1', 'custom_hooks.0.interval=1', 'model.rpn_head.feat_channels=16']


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes(tmp_path_factory.mktemp('det') / 'scenes')


@pytest.fixture(scope='module')
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = make_net('vit_tiny_patch16_224', **NET)
    path = tmp_path_factory.mktemp('encoder') / 'encoder.safetensors'
    facts = {'method': 'MAE', 'initial_stage': 'mim', 'mean': (0.4, 0.5, 0.6), 'std': (0.2, 0.25, 0.3)}
    exchange.write(path, net.state_dict(), card_for_net(net, 'vit_tiny_patch16_224', NET, **facts))
    return path


@pytest.fixture
def transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`transfer(config, checkpoint, data, options, *more)`: the exit code of the command, run in this process."""
    monkeypatch.chdir(tmp_path)

    def run(config: Path, checkpoint: object, data: Path, options: list[str] = SMALL, *more: object) -> int:
        words = ['transfer', config, '--checkpoint', checkpoint, '--data', data, *more]
        if '--work-dir' not in more:
            words += ['--work-dir', 'run']
        return main([*map(str, words), '--cfg-options', *options])

    return run


def test_from_checkpoint_to_record(transfer, encoder: Path, folder: Path, capsys) -> None:
    assert transfer(VITDET, encoder, folder) == 0
    printed = capsys.readouterr().out
    for line in (
        '28 of 28 tensors loaded',
        '12 train images',
        'of 4 classes',
        'effective batch 4 = 1 x 4 x 1',
        'lr factor',
        'bbox_AP',
    ):
        assert line in printed, line
    found = read_result('run')
    assert {'bbox_AP', 'bbox_AP50', 'bbox_APs', 'bbox_AR100', 'segm_AP', 'segm_AR1'} <= set(found.scores)
    assert set(found.per_class['bbox_AP']) <= {'cross', 'disc', 'ring', 'triangle'}
    dropped = {entry['name'] for entry in found.load_report['tensors']['dropped']}
    assert dropped == {'norm.weight', 'norm.bias'} and found.load_report['coverage'] == 1
    assert found.num_samples == {'train': 12, 'val': 6} and found.start.card.method == 'MAE'
    assert set(found.data['train']) == {'images', 'sha256'}
    rows = [json.loads(line) for line in Path('run/metrics.jsonl').read_text().splitlines()]
    assert len(rows) == 6 and all(row['loss'] > 0 for row in rows)
    scored = [json.loads(line) for line in Path('run/scores.jsonl').read_text().splitlines()]
    assert [row['epoch'] for row in scored] == [1, 2] and scored[-1]['bbox_AP'] == found.scores['bbox_AP']
    pictures = sorted(Path('run/pictures').glob('*.png'))
    assert len(pictures) == 2 and Image.open(pictures[0]).width == 4 + 2 * (256 + 4)
    saved = (Path('run') / 'config.py').read_text()
    assert '102.0' in saved and '51.0' in saved  # the checkpoint's mean 0.4 and std 0.2, of 255


def test_a_stopped_run_ends_as_one_that_was_not(transfer, encoder: Path, folder: Path) -> None:
    """Boxes, crops, sampled proposals and dropped paths follow from the seed and the update alone, in workers too."""
    options = [*SMALL, 'custom_hooks=[]', 'train_dataloader.num_workers=1', 'train_cfg.epochs=1', 'task.pictures=0']
    options += ['default_hooks.save.by_epoch=False']
    for name in ('whole', 'cut'):
        assert transfer(VITDET, encoder, folder, options, '--work-dir', name) == 0
    whole = load(finished(Path('whole/checkpoints'))[0][1])
    (_, last), (before, _) = finished(Path('cut/checkpoints'))
    assert before == 2
    last.unlink()
    Path('cut/result.json').unlink()
    assert transfer(VITDET, encoder, folder, options, '--work-dir', 'cut') == 0
    again = load(finished(Path('cut/checkpoints'))[0][1])
    assert whole['iteration'] == again['iteration'] == 3
    for name, tensor in whole['model'].items():
        assert torch.equal(tensor, again['model'][name]), name
    assert read_result('whole').scores == read_result('cut').scores and read_result('cut').cost.resumed_at == 2


@pytest.mark.parametrize('name', ['resnet50_mask-fpn_8xb2-12e', 'ibot_vit-base'])
def test_other_backbones_and_heads_train_as_controls(transfer, folder: Path, name: str) -> None:
    (config,) = [path for path in MINI.glob('*.py') if name in path.name]
    options = ['train_cfg.effective_batch=4', 'train_cfg.epochs=1', 'task.pictures=0', 'custom_hooks=[]']
    options += ['train_dataloader.num_workers=0', 'val_dataloader.num_workers=0', 'train_dataloader.batch_size=4']
    assert transfer(config, 'random', folder, options) == 0
    assert read_result('run').start.random


def test_boxes_alone(transfer, encoder: Path, tmp_path: Path) -> None:
    folder = scenes(tmp_path / 'boxes', 8, 4)
    for part in ('train', 'val'):
        edit(folder, lambda content: [a.pop('segmentation') for a in content['annotations']], part)
    assert transfer(VITDET, encoder, folder) == 2
    edit(folder, lambda content: content['annotations'][0].update(bbox=[500, 500, 9, 9]))
    options = [*SMALL, 'model.roi_head.mask_head=None', 'model.roi_head.mask_roi_extractor=None']
    assert transfer(VITDET, encoder, folder, options) == 0
    found = read_result('run')
    assert not any(name.startswith('segm') for name in found.scores)
    assert any('1 objects have no pixel inside their image' in note for note in found.notes)


WRONG = {
    'no such folder': (lambda f: f.joinpath('annotations').rename(f / 'elsewhere'), "'train' in its name"),
    'image absent': (lambda f: (f / 'train/images/000001.jpg').unlink(), 'names 1 of 8 images'),
    'other classes in val': (
        lambda f: edit(f, lambda c: c['categories'].append({'id': 9, 'name': 'cat'}), 'val'),
        'not in both: cat',
    ),
    'validation data that trains': (
        lambda f: shutil.copy(f / 'annotations/instances_train.json', f / 'annotations/instances_val.json'),
        'are the same',
    ),
    'category not listed': (lambda f: edit(f, lambda c: c['categories'].pop()), 'category 4'),
    'truncated file': (
        lambda f: (f / 'annotations/instances_val.json').write_text('{"images": [{'),
        'not JSON',
    ),
}


@pytest.mark.parametrize('name', WRONG)
def test_bad_input_stops_before_training(transfer, encoder: Path, tmp_path: Path, capsys, name: str) -> None:
    change, message = WRONG[name]
    folder = scenes(tmp_path / 'wrong', 8, 4)
    change(folder)
    assert transfer(VITDET, encoder, folder) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
    assert not Path('run/checkpoints').exists() and not Path('run/result.json').exists()


def test_wrong_config_stops_before_training(transfer, encoder: Path, folder: Path, capsys) -> None:
    for option, message in (
        ('model.rpn_head.anchor_generator.strides=[4,8]', 'anchor_generator.strides is [4, 8]'),
        ('model.backbone.windw=3', "did you mean 'window'"),
        ('model.roi_head.bbox_head.num_classes=80', 'the data has 4 classes'),
    ):
        assert transfer(VITDET, encoder, folder, [*SMALL, option]) == 2
        assert message in capsys.readouterr().err
