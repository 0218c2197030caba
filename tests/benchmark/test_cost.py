"""Predicted cost: from earlier runs of a kind, else from a probe that trains a few updates and leaves nothing."""

import shlex
import sys
from pathlib import Path

import pytest

from benchmark import cost
from benchmark.cost import duration, known_costs, ledger, predict, probe, remember
from benchmark.nodes import Node
from pretrain.data.procedural import write_set

pytestmark = pytest.mark.unit

MAE = 'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))


def node(name: str, *words: str, needs: tuple[str, ...] = ()) -> Node:
    return Node('transfer', name, name, words, 'result.json', Path('o'), needs, cost_class=name)


def test_earlier_runs_predict() -> None:
    for seconds in (10.0, 20.0):
        remember('knn', seconds)
    remember('', 5.0)
    with open(ledger(), 'a') as file:
        file.write('{"class": "knn", "sec')  # torn
    assert known_costs() == {'knn': 15.0}
    assert predict([node('knn'), node('other')]) == {'knn': 15.0, 'other': None}


def test_only_what_is_unknown_is_probed_and_once_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    probed = []
    monkeypatch.setattr(cost, 'probe', lambda node: probed.append(node.title) or 7.0)
    remember('known', 3.0)
    nodes = [node('known'), node('a'), node('a'), node('b')]
    assert predict(nodes, measure=True) == {'known': 3.0, 'a': 7.0, 'b': 7.0} and probed == ['a', 'b']


def test_a_class_whose_probe_fails_is_not_probed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    probed = []
    monkeypatch.setattr(cost, 'probe', lambda node: probed.append(node.title))
    assert predict([node('a'), node('a'), node('b'), node('a')], measure=True) == {'a': None, 'b': None}
    assert probed == ['a', 'b']


def test_where_the_checkpoint_is_to_be_made_the_config_names_the_network() -> None:
    words = ('transfer', 'c.py', '--checkpoint', 'random', '--like', 'e.safetensors', '--seed', '0')
    assert cost._startable(node('a', *words, needs=('p',))) == [
        'transfer',
        'c.py',
        '--checkpoint',
        'random',
        '--seed',
        '0',
    ]
    words = ('transfer', 'c.py', '--checkpoint', 'e.safetensors', '--seed', '0')
    assert cost._startable(node('a', *words, needs=('p',)))[3] == 'random'
    assert cost._startable(node('a', *words)) == list(words)


@pytest.mark.smoke
def test_a_probe_measures_updates_and_leaves_nothing(tmp_path: Path, repo: Path) -> None:
    data = write_set(tmp_path / 'data', 256, 8, 8)
    words = ['pretrain', str(repo / MAE), '--data', str(data / 'unlabelled'), '--card', str(data)]
    options = ['--cfg-options', 'train_cfg.epochs=500', 'train_dataloader.num_workers=0']
    before = set(tmp_path.rglob('*'))
    seconds = probe(node('mae', *words, *options), seconds=1.0)
    assert seconds is not None and seconds > 20, 'a thousand updates take longer than the few that were measured'
    assert {path for path in tmp_path.rglob('*') if 'cache' not in path.parts} == {
        path for path in before if 'cache' not in path.parts
    }
    assert probe(node('wrong', 'pretrain', 'nowhere.py')) is None


def test_a_probe_is_kept_until_a_run_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, 'probe', lambda one: 8.0)
    assert predict([node('a')], measure=True) == {'a': 8.0}
    monkeypatch.setattr(cost, 'probe', pytest.fail)
    assert predict([node('a')], measure=True) == {'a': 8.0}
    remember('a', 5.0)
    assert predict([node('a')], measure=True) == {'a': 5.0}


def test_why_a_probe_failed_is_said(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a mistake in a value is found when the pre-trainings before it are over."""
    said = 'import sys; print("mimbench: error: ratio is half", file=sys.stderr); sys.exit(2)'
    monkeypatch.setenv('MIMBENCH_COMMAND', shlex.join([sys.executable, '-c', said]))
    assert probe(Node('pretrain', 'x', 1, ('pretrain', 'c.py'), 'p', Path('/o'))) is None
    assert capsys.readouterr().out == '  that failed: mimbench: error: ratio is half\n'


def test_durations_are_for_people() -> None:
    assert [duration(s) for s in (None, 3.2, 240, 9000)] == ['?', '3.2 s', '4 min', '2 h 30 min']
