"""Side by side: only what may be subtracted is, and what differs is named."""

import json
from pathlib import Path

import pytest
from made_up import made_up, write

from benchmark.compare import EVERYWHERE, compare
from pretrain.errors import UserError
from pretrain.record import write_result
from tools.main import main

pytestmark = pytest.mark.unit


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / 'runs'
    for seed in range(3):
        write(folder / f'mae{seed}', 0.50 + 0.01 * seed, seed, 'mae')
        write(folder / f'beit{seed}', 0.60 + 0.02 * seed, seed, 'beit', recipe={'epochs': 3})
        write(folder / f'control{seed}', 0.4, seed, None)
    write(folder / 'mae-alone', 0.5, 0, 'mae', 'only-mae')
    return folder


def test_checkpoints_by_name(runs: Path) -> None:
    found = compare('mae', 'beit', [runs])
    (row,) = found.rows
    assert (row.a.mean, row.b.mean) == (pytest.approx(0.51), pytest.approx(0.62))
    assert row.gain.gain == pytest.approx(0.11) and row.verdict == 'B is better'  # differences 0.10, 0.11, 0.12
    assert row.gain.student is not None and row.gain.student.low == pytest.approx(0.11 - 0.024841, abs=1e-5)
    assert row.metrics['nll'] == (pytest.approx(0.49), pytest.approx(0.38))
    assert found.only_a == ['only-mae'] and not found.only_b and not found.apart
    differing = {difference.fact: difference for difference in found.differences}
    assert differing['recipe.epochs'].b == '3' and differing['recipe.epochs'].where == EVERYWHERE
    assert 'checkpoint.sha256' in differing and 'environment.torch' not in differing and 'seeds' not in differing
    assert compare('beit', 'mae', [runs]).rows[0].verdict == 'A is better'


def test_what_is_left_out_is_said(runs: Path, capsys: pytest.CaptureFixture) -> None:
    path = runs / 'mae1' / 'result.json'
    path.write_text(path.read_text().replace('0.51', '0.91'))
    assert main(['compare', 'mae', 'beit', str(runs)]) == 0
    said = capsys.readouterr()
    assert '(n=2)' in said.out and said.err.count('mimbench: warning: ') == 1 and str(path) in said.err
    assert main(['compare', str(runs / 'mae0'), str(runs / 'beit0')]) == 0 and not capsys.readouterr().err


def test_run_directories_of_one_checkpoint_under_other_code(runs: Path, tmp_path: Path) -> None:
    """Together these two would contradict each other and count as neither; side by side they are the question."""
    environment = {'torch': '2.13.0', 'hardware': 'GPU', 'code': 'def'}
    load = {'coverage': 0.9, 'counts': {'loaded': 9, 'missing': 1}, 'allowed': ['head.*']}
    other = write(tmp_path / 'new', 0.7, 0, 'mae', environment=environment, load_report=load)
    found = compare(str(runs / 'mae0'), str(other))
    assert found.rows[0].verdict == 'undecided at n=1' and found.rows[0].gain.gain == pytest.approx(0.2)
    facts = {difference.fact: (difference.a, difference.b) for difference in found.differences}
    assert facts['environment.torch'] == ('2.12.0', '2.13.0') and facts['environment.code'] == ('abc', 'def')
    assert facts['load.coverage'] == ('', '0.9') and facts['environment.hardware'][1] == 'GPU'
    assert 'checkpoint.sha256' not in facts


def test_other_data_or_options_are_never_subtracted(runs: Path, tmp_path: Path) -> None:
    result = made_up(0.9, 0, 'mae', data={'val': {'images': 7}})
    other = result.protocol.model_copy(update={'hash': 'other'})
    write_result(tmp_path / 'new', result.model_copy(update={'protocol': other}))
    found = compare(str(runs / 'mae0'), str(tmp_path / 'new'))
    assert not found.rows and found.apart == ['mini-knn']
    assert {'data.val.images', 'protocol.hash'} <= {difference.fact for difference in found.differences}


@pytest.mark.parametrize(
    'a, b, words',
    [
        ('mae', 'nothing', 'there are: beit, mae, random vit_tiny'),
        ('mae', '.', 'name one of them'),
    ],
)
def test_mistakes(runs: Path, monkeypatch, capsys, a: str, b: str, words: str) -> None:
    monkeypatch.chdir(runs)
    assert main(['compare', a, b, str(runs)]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_a_name_in_runs_comes_before_a_folder_of_that_name(runs: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / 'mae').mkdir()
    monkeypatch.chdir(tmp_path)
    assert compare('mae', 'beit', ['runs']).a.label == 'mae'
    write(tmp_path / 'other', 0.7, 0, 'mae')
    assert compare('mae', 'other', ['runs']).rows[0].b.mean == 0.7, 'a folder may still be given beside a name'
    with pytest.raises(UserError, match='mae: no finished run'):
        compare('./mae', 'beit', ['runs'])


def test_without_a_common_protocol(runs: Path) -> None:
    with pytest.raises(UserError, match='share no protocol'):
        compare(str(runs / 'mae-alone'), str(runs / 'beit0'))
    with pytest.raises(UserError, match='add the folders of its runs'):
        compare('mae', 'beit')


def test_names_that_two_checkpoints_have(runs: Path) -> None:
    start = made_up(0.5).start.model_copy(update={'sha256': 'f' * 64})
    write(runs / 'second', 0.5, 0, 'mae', start=start)
    with pytest.raises(UserError, match='several checkpoints'):
        compare('mae', 'beit', [runs])
    assert compare('mae #ffffff', 'beit', [runs]).rows


def test_the_command(runs: Path, capsys) -> None:
    assert main(['compare', 'mae', 'beit', str(runs)]) == 0
    text = capsys.readouterr().out
    assert '+11.00' in text and 'B is better' in text and 'recipe.epochs' in text and 'only in A: only-mae' in text
    assert main(['compare', 'mae', 'beit', str(runs), '--json']) == 0
    content = json.loads(capsys.readouterr().out)
    assert content['shared'][0]['gain']['gain'] == pytest.approx(0.11)
    assert main(['compare', str(runs / 'mae0'), str(runs / 'mae0')]) == 0
    assert 'Nothing else differs' in capsys.readouterr().out


def test_what_a_study_varied_is_a_difference(tmp_path: Path) -> None:
    """And variants of two studies that have one name are told apart by their study."""
    for study in ('a', 'b'):
        for ratio in (0.5, 0.75):
            folder = write(tmp_path / f'{study}{ratio}', ratio, 0, f'{study}{ratio}')
            labels = {'study': study, 'seed': 0, 'mask ratio': ratio, 'checkpoint': f'ratio={ratio}'}
            (folder / 'node.json').write_text(json.dumps({'labels': labels}))
    with pytest.raises(UserError, match=r'several checkpoints in .*: ratio=0.5 \(a\), ratio=0.5 \(b\)'):
        compare('ratio=0.5', 'ratio=0.75 (a)', [tmp_path])
    found = compare('ratio=0.5 (a)', 'ratio=0.75 (a)', [tmp_path])
    assert ('varied.mask ratio', '0.5', '0.75') in [(d.fact, d.a, d.b) for d in found.differences]
