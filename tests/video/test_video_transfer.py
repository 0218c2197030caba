"""`mimbench pretrain` and `transfer` on encoded videos, from start to record; scores do not depend on processes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from warm import spread

from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.load import open_checkpoint
from pretrain.checkpoint.nets import make_net
from pretrain.data.build import build_dataset
from pretrain.engine.evaluation import evaluate
from pretrain.engine.launch import load_config
from pretrain.errors import ConfigError
from pretrain.record import read_result
from pretrain.registry import MODELS
from tools.main import main
from video.metrics import ClipMetrics
from video.model import ClipClassifier

pytestmark = pytest.mark.smoke

FOLDER = Path(__file__).parents[2] / 'video' / 'configs' / 'mini'
PRETRAIN = FOLDER / 'videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py'
REPEATED = FOLDER / 'videomae2_vit-giant-p14_dec512x4_64xb32-300e_hybrid.py'
FINETUNE = FOLDER / 'videomae_vit-base-p16_ft_64xb8-100e_k400.py'
INFLATED = FOLDER / 'mae_vit-base-p16_ft_64xb8-100e_k400.py'
PROBES = [FOLDER / f'videomae_vit-base-p16_{head}_64xb4-20e_k400.py' for head in ('linear', 'attentive')]
LOADING = ['train_dataloader.num_workers=0', 'train_dataloader.dataset.sampling.stride=1']
SMALL = ['model.image_size=[4,16,16]', *LOADING, 'train_dataloader.dataset.sampling.frames=4']
SMALL += ['train_dataloader.dataset.transform.size=16']
NET = ['model.encoder.embed_dim=24', 'model.encoder.depth=2', 'model.encoder.num_heads=2']
FAST = [*SMALL, 'val_dataloader.num_workers=0', 'val_dataloader.dataset.sampling.frames=4']
FAST += ['val_dataloader.dataset.sampling.stride=1', 'val_dataloader.dataset.transform.resize=16']
FAST += ['train_cfg.effective_batch=8', 'train_cfg.epochs=6', 'param_scheduler.warmup=1']
FAST += ['custom_hooks.0.interval=3', 'optim_wrapper.optimizer.lr=1e-2']


@pytest.fixture
def transfer(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`transfer(config, checkpoint, options, *more)`: the exit code of the command, run in this process."""
    monkeypatch.chdir(tmp_path)

    def run(config: Path, checkpoint: object, options: list[str], *more: object, data: bool = True) -> int:
        words = ['transfer', config, '--checkpoint', checkpoint, '--work-dir', 'run', *more]
        if data:
            words += ['--data', clips / 'train', '--val', clips / 'val']
        return main([*map(str, words), '--cfg-options', *options])

    return run


def test_pretraining(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = [*SMALL, *NET, 'train_cfg.effective_batch=8', 'train_cfg.epochs=2', 'model.head.width=16']
    words = ['pretrain', PRETRAIN, '--data', clips / 'train', '--data', clips / 'val', '--work-dir', 'run']
    assert main([*map(str, words), '--cfg-options', *options]) == 0
    opened = open_checkpoint('run/encoder.safetensors')
    assert opened.card.arch == 'vit3d_tiny_patch16' and opened.card.position == 'sincos-1d'
    assert opened.card.grid == (2, 2, 2) and opened.card.data_seen == f'{clips / "train"}, {clips / "val"}'
    assert list(Path('run/pictures').glob('*.png'))
    (note,) = json.loads(Path('run/environment.json').read_text())['notes']
    assert note.startswith('decoded with PyAV')


def test_pretraining_with_repeated_clips(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = [*SMALL, *NET, 'train_cfg.effective_batch=4', 'train_cfg.epochs=2', 'model.image_size=[8,16,16]']
    options += ['train_dataloader.dataset.sampling.frames=8', 'default_hooks.pictures.count=2']
    words = ['pretrain', REPEATED, '--data', clips / 'train', '--work-dir', 'run']
    assert main([*map(str, words), '--cfg-options', *options]) == 0
    rows = [json.loads(line) for line in Path('run/metrics.jsonl').read_text().splitlines()]
    assert len(rows) == 12 and all(np.isfinite(row['loss']) for row in rows), '24 videos, 4 of them per update'


def test_finetuning(transfer: Callable[..., int], clip_encoder: Callable[..., Path], capsys) -> None:
    encoder = clip_encoder()
    assert transfer(FINETUNE, encoder, FAST) == 0, capsys.readouterr().err
    found = read_result('run')
    assert found.num_samples == {'train': 24, 'val': 9} and found.effective_batch == 8
    assert set(found.scores) == {'top1', 'mean_class_top1', 'nll'} and found.per_class['top1'].keys() == {
        'down',
        'still',
        'up',
    }
    assert any(note.startswith('decoded with PyAV') for note in found.notes)
    assert found.environment['av'] and found.load_report['coverage'] == 1
    dropped = {e['name']: e['reason'] for e in found.load_report['tensors']['dropped']}
    assert set(dropped) == {'norm.weight', 'norm.bias'}
    assert any('normalised' not in note for note in found.notes) and Path('run/pictures/predictions.png').exists()
    assert transfer(FINETUNE, encoder, FAST) == 0 and 'was done before' in capsys.readouterr().out


def test_the_validation_part_of_a_folder(
    transfer: Callable[..., int], clip_encoder: Callable[..., Path], clips: Path, tmp_path: Path, capsys
) -> None:
    """`--data FOLDER --val FOLDER`: of the first the training list, of the second the validation list."""
    for part in ('train', 'val'):
        rows = [f'{path} {"dsu".index(path.parent.name[0])}' for path in sorted((clips / part).rglob('*.mp4'))]
        (tmp_path / f'{part}.csv').write_text('\n'.join(rows) + '\n')
    options = [*FAST, 'train_cfg.epochs=2']
    assert transfer(FINETUNE, clip_encoder(), options, '--data', tmp_path, '--val', tmp_path, data=False) == 0
    assert read_result('run').num_samples == {'train': 24, 'val': 9}
    capsys.readouterr()
    (tmp_path / 'val.csv').unlink()
    assert transfer(FINETUNE, clip_encoder(), options, '--data', tmp_path, '--force', data=False) == 2
    assert 'no val.csv; give the validation videos with --val' in capsys.readouterr().err


def test_control_and_probes(transfer: Callable[..., int], clip_encoder: Callable[..., Path]) -> None:
    encoder = clip_encoder()
    assert transfer(FINETUNE, 'random', FAST, '--like', encoder) == 0
    control = read_result('run')
    assert control.start.random and control.start.card.position == 'sincos-1d' and control.load_report is None
    ids = {control.protocol.id}
    for probe in PROBES:
        assert transfer(probe, encoder, FAST, '--force') == 0
        found = read_result('run')
        assert found.load_report['coverage'] == 1 and not found.load_report['tensors']['dropped']
        ids.add(found.protocol.id)
    assert len(ids) == 3


def test_an_image_checkpoint(transfer: Callable[..., int], tmp_path: Path, capsys) -> None:
    """Inflated on the way: the record has the audit of the inflated encoder and the notes on what was done."""
    args = {'embed_dim': 24, 'num_heads': 2, 'depth': 2, 'patch_size': 8, 'img_size': 16}
    net = make_net('vit_tiny_patch16_224', **args)
    card = card_for_net(net, 'vit_tiny_patch16_224', args, initial_stage='mim', mean=(0.5,) * 3, std=(0.25,) * 3)
    exchange.write(tmp_path / 'image.safetensors', net.state_dict(), card)
    assert transfer(INFLATED, 'image.safetensors', [*FAST, 'train_cfg.epochs=2']) == 0, capsys.readouterr().err
    found = read_result('run')
    assert found.start.card.arch == 'vit3d_tiny_patch16' and found.load_report['coverage'] == 1
    assert any('inflated from images to 4x16x16' in note for note in found.start.card.notes)
    assert transfer(INFLATED, 'random', [*FAST, 'train_cfg.epochs=2'], '--like', 'image.safetensors', '--force') == 0
    assert read_result('run').start.card.prefix_tokens == 2
    assert transfer(FINETUNE, 'image.safetensors', FAST, '--force') == 2
    assert 'inflate' in capsys.readouterr().err


def test_a_swin_over_volumes_is_refused() -> None:
    encoder = dict(arch='swin3d_tiny_patch2', arch_args=dict(depths=(1,), num_heads=(3,)))
    with pytest.raises(ConfigError, match='swin3d_tiny_patch2 is no plain transformer'):
        ClipClassifier(encoder, num_classes=2, image_size=(4, 16, 16))


def test_a_table_of_clips(transfer: Callable[..., int], clip_encoder, clips: Path, tmp_path: Path, capsys) -> None:
    lines = ['path\tlabel\tgroup']
    for i, path in enumerate(sorted((clips / 'train').rglob('*.mp4'))):
        lines.append(f'{path.relative_to(clips)}\t{path.parent.name}\tp{i // 2}')
    table = tmp_path / 'table.tsv'
    table.write_text('\n'.join(lines) + '\n')
    shutil.copytree(clips / 'train', tmp_path / 'train')
    hashes = set()
    for fold in (0, 1):
        options = [*FAST, 'train_cfg.epochs=2', f'task.fold={fold}', 'task.folds=4']
        assert transfer(FINETUNE, clip_encoder(), options, '--data', table, '--force', data=False) == 0
        found = read_result('run')
        assert found.num_samples == {'train': 18, 'val': 6}
        hashes.add(found.protocol.hash)
    assert len(hashes) == 2, 'another fold is another column'
    capsys.readouterr()


def test_what_can_be_known_before_training(
    transfer: Callable[..., int], clip_encoder: Callable[..., Path], clips: Path, tmp_path: Path, capsys
) -> None:
    encoder = clip_encoder()
    few = shutil.copytree(clips, tmp_path / 'few')
    shutil.rmtree(few / 'val' / 'up')
    ssv2 = [*FAST, 'task.dataset=ssv2']
    k400 = [*FAST, 'task.dataset=k400', 'val_dataloader.dataset.sampling.clips=5']
    flipped = 'train_dataloader.dataset.transform.flip=0.5'
    segments = FOLDER / 'videomae_vit-base-p16_ft_64xb6-30e_ssv2.py'
    stride = [o for o in ssv2 if 'stride' not in o]
    crops = 'val_dataloader.dataset.transform.crops=3'
    cases = [
        ((FINETUNE, encoder, FAST, '--data', 'nowhere'), {'data': False}, 'nowhere'),
        ((FINETUNE, encoder, FAST, '--data', few / 'train', '--val', few / 'val'), {'data': False}, 'up'),
        (
            (FINETUNE, encoder, FAST, '--data', few / 'val', '--val', few / 'val'),
            {'data': False},
            'are in training and',
        ),
        ((FINETUNE, encoder, [*FAST, 'train_dataloader.dataset.sampling.frames=8']), {}, 'make them equal'),
        ((FINETUNE, encoder, [*FAST, 'model.image_size=[4,18,18]']), {}, 'multiple of the patch'),
        ((FINETUNE, encoder, [*FAST, 'model.headd=cls']), {}, "did you mean 'head'"),
        ((FINETUNE, encoder, [*FAST, 'model.head=cls']), {}, 'no class token'),
        ((FINETUNE, encoder, ssv2), {}, "'dense', the protocol of ssv2 has 'segments'"),
        ((FINETUNE, encoder, k400), {}, 'crops is 1, the protocol of k400 has 3'),
        ((FINETUNE, encoder, [*k400, crops]), {}, 'frames is 4, the protocol of k400 has 16'),
        ((segments, encoder, [*stride, crops, flipped]), {}, 'ssv2 know the side'),
        ((FINETUNE, encoder, [*FAST, 'task.dataset=kinetics']), {}, 'known protocols: k400'),
    ]
    for words, options, message in cases:
        shutil.rmtree('run', ignore_errors=True)
        code, error = transfer(*words, **options), capsys.readouterr().err
        assert code == 2 and message in error and error.count('\n') == 1, error
        assert not Path('run/result.json').exists() and not Path('run/checkpoints').exists()


def test_a_broken_video_of_the_validation_set(
    transfer: Callable[..., int], clip_encoder, clips: Path, tmp_path: Path, capsys
) -> None:
    """Nothing is lost: training is saved, the error names the file, and the mended set is only scored."""
    copy = shutil.copytree(clips, tmp_path / 'copy')
    whole = (copy / 'val' / 'still' / '01.mp4').read_bytes()
    (copy / 'val' / 'still' / '01.mp4').write_bytes(whole[:900])
    words = (FINETUNE, clip_encoder(), [*FAST, 'custom_hooks=[]'], '--data', copy / 'train', '--val', copy / 'val')
    assert transfer(*words, data=False) == 2
    error = capsys.readouterr().err
    assert 'val/still/01.mp4' in error and error.count('\n') == 1
    assert not Path('run/result.json').exists() and list(Path('run/checkpoints').glob('*.pth'))
    (copy / 'val' / 'still' / '01.mp4').write_bytes(whole)
    assert transfer(*words, data=False) == 0 and read_result('run').num_samples['val'] == 9


def model_and_set(clips: Path, encoder: Path) -> tuple:
    cfg = load_config(FINETUNE)
    model = dict(cfg.model, image_size=(4, 16, 16), num_classes=3, encoder=dict(checkpoint=str(encoder)))
    torch.manual_seed(0)
    model = MODELS.build(model).eval()
    torch.nn.init.normal_(model.head.linear.weight, std=0.5)
    dataset = build_dataset(
        dict(
            type='ClipDataset',
            labels=True,
            source=dict(type='ClipFolder', root=str(clips / 'val')),
            sampling=dict(type='DenseSampling', frames=4, stride=1, clips=2),
            transform=dict(type='ClipViews', resize=16, crops=1),
        )
    )
    return model, dataset


def test_scores_do_not_depend_on_batches(clips: Path, clip_encoder: Callable[..., Path]) -> None:
    model, dataset = model_and_set(clips, clip_encoder())
    found = [evaluate(model, dataset, ClipMetrics(len(dataset), 3), batch_size=b).overall for b in (1, 2, 4, 9)]
    assert all(scores['top1'] == found[0]['top1'] for scores in found)
    assert all(scores['nll'] == pytest.approx(found[0]['nll'], abs=1e-5) for scores in found)


def test_the_prediction_is_the_mean_of_the_softmax_of_all_views(clips: Path, clip_encoder) -> None:
    model, dataset = model_and_set(clips, clip_encoder())
    batch = model.data_preprocessor(dataset.collate([dataset[3], dataset[7]]))
    found = model.predict(batch)['probabilities']
    with torch.no_grad():
        views = [[model.logits(batch['image'][b, v][None])[0].softmax(0) for v in range(2)] for b in range(2)]
    expected = torch.stack([torch.stack(v).mean(0) for v in views])
    torch.testing.assert_close(found.float(), expected, atol=1e-5, rtol=0)
    assert not torch.allclose(views[0][0], views[0][1], atol=1e-4), 'two clips differ, or nothing is averaged'


def test_processes_give_equal_scores(clips: Path, clip_encoder: Callable[..., Path], tmp_path: Path) -> None:
    """One, two and three processes: the same weights are scored, every video once, to the last bit."""
    words = ['transfer', FINETUNE, '--checkpoint', clip_encoder(), '--data', clips / 'train', '--val', clips / 'val']
    options = [
        *FAST,
        'train_cfg.epochs=1',
        'train_cfg.effective_batch=12',
        'custom_hooks=[]',
        'param_scheduler.warmup=0',
    ]
    options += ['val_dataloader.batch_size=1', 'optim_wrapper.optimizer.lr=0.0', 'model.head_std=0.5']
    found = []
    for processes in (1, 2, 3):
        name = f'run{processes}'
        spread(
            *words,
            '--work-dir',
            name,
            '--cfg-options',
            *options,
            log=tmp_path / 'log',
            processes=processes,
            folder=tmp_path,
        )
        found.append(read_result(tmp_path / name))
    assert [f.world_size for f in found] == [1, 2, 3]
    assert found[0].scores == found[1].scores == found[2].scores and found[0].per_class == found[2].per_class


def test_metrics_are_keyed_by_row() -> None:
    """Two videos of one name in different folders are two samples; all must be seen, each once."""
    shares = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2], [0.2, 0.5, 0.3]])
    labels = torch.tensor([0, 2, 1, 0])
    metrics = ClipMetrics(4, 3, ['a', 'b', 'c'])
    metrics.add(torch.tensor([3, 1]), shares[[3, 1]], labels[[3, 1]])
    metrics.add(torch.tensor([0, 2]), shares[[0, 2]], labels[[0, 2]])
    scores = metrics.scores()
    assert scores.overall['top1'] == 0.5 and scores.per_class['top1'] == {'a': 0.5, 'b': 0.0, 'c': 1.0}
    assert scores.overall['mean_class_top1'] == pytest.approx(0.5) and 'top5' not in scores.overall
    assert scores.overall['nll'] == pytest.approx(-np.log([0.7, 0.8, 0.4, 0.2]).mean())
    generator = torch.Generator().manual_seed(0)
    many, truth = torch.rand(300, 5, generator=generator).softmax(1), torch.randint(5, (300,), generator=generator)
    found = []
    for parts in (1, 7, 100):
        order, shuffled = torch.randperm(300, generator=generator), ClipMetrics(300, 5)
        for rows in order.chunk(parts):
            shuffled.add(rows, many[rows], truth[rows])
        found.append(shuffled.scores().overall)
    assert found[0] == found[1] == found[2], 'to the last bit'
    twice = ClipMetrics(2, 3)
    twice.add(torch.tensor([0, 0]), shares[:2], labels[:2])
    with pytest.raises(RuntimeError, match='more than once'):
        twice.scores()
    six = ClipMetrics(1, 6)
    six.add(torch.tensor([0]), torch.tensor([[0.3, 0.25, 0.2, 0.15, 0.06, 0.04]]), torch.tensor([4]))
    assert six.scores().overall['top5'] == 1.0 and six.scores().overall['top1'] == 0.0


def test_a_broken_training_video_is_quarantined(
    transfer: Callable[..., int], clip_encoder, clips: Path, tmp_path: Path, capsys
) -> None:
    """In a small set none is tolerated; the ledger names the file, and nothing of the run is a result."""
    copy = shutil.copytree(clips, tmp_path / 'copy')
    (copy / 'train' / 'up' / '03.mp4').write_bytes(b'nothing')
    words = (FINETUNE, clip_encoder(), FAST, '--data', copy / 'train', '--val', copy / 'val')
    assert transfer(*words, data=False) == 2
    error = capsys.readouterr().err
    assert 'up/03.mp4' in error and 'quarantine.jsonl' in error and error.count('\n') == 1
    (entry,) = [json.loads(line) for line in Path('run/quarantine.jsonl').read_text().splitlines()]
    assert entry['id'].endswith('up/03.mp4') and not Path('run/result.json').exists()


def test_features_of_clips(clip_encoder: Callable[..., Path], tmp_path: Path, capsys) -> None:
    """`mimbench features` and `inspect` on clips: tokens after the final norm, in raster order; another length too."""
    encoder = clip_encoder(class_token=True, position='learned')
    for frames, tokens in ((4, 8), (8, 16)):
        np.save(tmp_path / 'x.npy', np.random.default_rng(0).normal(size=(2, 3, frames, 16, 16)).astype(np.float32))
        words = ['features', encoder, '--input', tmp_path / 'x.npy', '--output', tmp_path / 'y.npy']
        assert main([*map(str, words)]) == 0
        assert np.load(tmp_path / 'y.npy').shape == (2, tokens, 24)
    assert '1 position tensors resized from 4x16x16 to 8x16x16' in capsys.readouterr().out
    assert main(['inspect', str(encoder)]) == 0
    assert '2x2x2 tokens, 1 prefix, patch 2x8x8' in capsys.readouterr().out
