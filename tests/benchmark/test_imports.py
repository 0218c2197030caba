"""Scores from the logs of other programs, marked for what they are."""

import json
from pathlib import Path

import pytest
from made_up import write
from torch.utils.tensorboard import SummaryWriter

from benchmark.imports import choose, read_log
from benchmark.store import collect
from pretrain.errors import UserError
from tools.main import main

pytestmark = pytest.mark.unit


def tensorboard(folder: Path) -> Path:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate((0.2, 0.7, 0.6)):
            writer.add_scalar('val/acc', value, step * 10)
        writer.add_text('note', 'no number')
    return folder


def mmengine(folder: Path) -> Path:
    path = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    lines = [
        {'lr': 1e-4, 'loss': 2.0, 'step': 1},
        {'coco/bbox_mAP': 0.31, 'step': 1},
        {'lr': 1e-5, 'loss': 1.0, 'step': 2},
        {'coco/bbox_mAP': 0.29, 'step': 2},
    ]
    path.write_text('\n'.join(map(json.dumps, lines)) + '\n')
    return folder


def wandb(folder: Path) -> Path:
    path = folder / 'run-1' / 'files' / 'wandb-summary.json'
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({'_step': 90, '_runtime': 33.5, 'test': {'top1': 81.2}, 'done': True}))
    return folder


def test_each_format_is_read(tmp_path: Path) -> None:
    log = read_log(tensorboard(tmp_path / 't'))
    assert log.format == 'tensorboard'
    assert [(v.step, round(v.value, 3)) for v in log.series['val/acc']] == [(0, 0.2), (10, 0.7), (20, 0.6)]
    log = read_log(mmengine(tmp_path / 'm'))
    assert log.format == 'mmengine' and set(log.series) == {'lr', 'loss', 'coco/bbox_mAP'}
    assert choose(log, 'coco/bbox_mAP', 'last').value == 0.29
    assert choose(log, 'coco/bbox_mAP', 'best') == log.series['coco/bbox_mAP'][0]
    assert choose(log, 'loss', 'best', higher_is_better=False).value == 1.0
    log = read_log(wandb(tmp_path / 'w'))
    assert log.format == 'wandb' and set(log.series) == {'test.top1'}
    assert (log.series['test.top1'][0].step, log.series['test.top1'][0].seconds) == (90, 33.5)


def test_an_imported_score_is_marked_and_shares_no_column(tmp_path: Path) -> None:
    out, log = tmp_path / 'runs', wandb(tmp_path / 'w')
    words = ['--checkpoint', 'theirs', '--protocol', 'mini-knn', '--work-dir', str(out / 'theirs')]
    assert main(['import', str(log), '--tag', 'test.top1', '--metric', 'top1', '--scale', '0.01', *words]) == 0
    write(out / 'ours', 0.5)
    found = collect([out])
    theirs = next(run for run in found.runs if run.result.imported)
    assert theirs.result.score == pytest.approx(0.812) and theirs.checkpoint == 'theirs'
    assert theirs.result.imported.tag == 'test.top1' and theirs.result.cost.wall_seconds == 33.5
    assert len({run.column for run in found.runs}) == 2
    assert any('imported' in note for note in theirs.result.notes)


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    log = str(wandb(tmp_path / 'w'))
    words = ['--checkpoint', 'a', '--protocol', 'b', '--work-dir', str(tmp_path / 'new')]
    cases = [
        ([log, '--tag', 'test.top1', *words], '--scale 0.01'),
        ([log, '--tag', 'top1', *words], 'there are test.top1'),
        ([log, '--tag', 'test.top1', '--scale', 'inf', '--metric', 'psnr', *words], 'no finite number'),
        ([log, '--tag', 'test.top1'], '--checkpoint is missing'),
        ([str(tmp_path / 'nowhere')], 'no such log'),
        ([str(tmp_path / 'empty')], 'no log below it'),
        ([__file__], 'understood are'),
    ]
    (tmp_path / 'empty').mkdir()
    for arguments, message in cases:
        assert main(['import', *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / 'new').exists()
    (tmp_path / 'torn.json').write_text('{"a": 1}\n{"a"')
    with pytest.raises(UserError, match='not JSON'):
        read_log(tmp_path / 'torn.json')


@pytest.mark.parametrize(
    'name, content, said',
    [
        ('scalars.json', b'{"top1": 0.5, "step": 1}\n\xff\xfe', 'not UTF-8'),
        ('scalars.json', b'{"top1": 0.5, "step": 1.5}', 'step is 1.5, not a whole number'),
        ('scalars.json', b'{"top1": "good"}', 'no score found'),
        ('wandb-summary.json', b'{"top1": 0.5, "_runtime": "y"}', "_runtime is 'y', not a number"),
        ('wandb-summary.json', b'{"top1": 0.5, "_runtime": NaN}', '_runtime is nan, not a number'),
        ('wandb-summary.json', b'{"top1": 0.5, "_step": "last"}', "_step is 'last', not a whole number"),
        ('events.out.tfevents.1', bytes(range(256)), 'no score found'),
    ],
)
def test_a_log_that_is_not_as_it_should_be(tmp_path: Path, capsys, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert main(['import', str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'mimbench: error: {tmp_path / name}: ') and said in error and error.count('\n') == 1


def test_only_shares_are_asked_for_as_shares(tmp_path: Path, capsys) -> None:
    log = tmp_path / 'scalars.json'
    log.write_text(f'{{"val/psnr": 31.5, "val/mIoU": 48.1, "huge": {10**400}}}')

    def bring(tag: str) -> int:
        words = ['--checkpoint', 'a', '--protocol', 'b', '--work-dir', str(tmp_path / 'runs' / tag)]
        return main(['import', str(log), '--tag', tag, *words])

    assert [bring('val/psnr'), bring('val/mIoU'), bring('huge')] == [0, 2, 2]
    error = capsys.readouterr().err
    assert 'mIoU is a share in [0, 1]: give --scale 0.01' in error and "'huge' has no finite value" in error
    assert [run.result.score for run in collect([tmp_path / 'runs']).runs] == [31.5]


def test_without_a_tag_the_scores_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['import', str(mmengine(tmp_path))]) == 0
    assert 'coco/bbox_mAP' in capsys.readouterr().out


def test_a_run_that_diverged_has_no_last_score(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    log = tmp_path / 'scalars.json'
    log.write_text('{"psnr": 31.5}\n{"psnr": 30.0}\n{"psnr": NaN}\n')
    words = ['import', str(log), '--tag', 'psnr', '--checkpoint', 'a', '--protocol', 'b']
    words += ['--work-dir', str(tmp_path / 'run')]
    assert main(words) == 2
    assert "the last 'psnr' is nan; the run diverged, or take --choose best" in capsys.readouterr().err
    assert main([*words, '--seed', '-1']) == 2 and '--seed -1: at least 0' in capsys.readouterr().err
    assert main([*words, '--choose', 'best']) == 0
