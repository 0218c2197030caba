"""What `benchmark` and `ablate` share: the plan, and what is wrong with where it is to run."""

import argparse
import shlex
import sys
from pathlib import Path

import pytest

from benchmark.nodes import Graph, Node
from pretrain.errors import UserError
from tools.verbs.running import add_running_options, run_graph

pytestmark = pytest.mark.unit


def dry_run(out: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_running_options(parser)
    graph = Graph([Node('transfer', 'a', 'a', ('transfer',), 'result.json', out, cost_class='a')])
    return run_graph(graph, out, parser.parse_args(['--dry-run', '--no-probe', *words]))


@pytest.mark.parametrize(
    'words, said',
    [
        (['--executor', 'nosuch'], "unknown executor 'nosuch'; allowed: local, slurm, ray"),
        (['--executor-options', 'foo'], "--executor-options takes KEY=VALUE pairs, not 'foo'"),
        (['--executor', 'slurm', '--executor-options', '=3'], "--executor-options takes KEY=VALUE pairs, not '=3'"),
        (['--executor-options', 'foo=1'], "executor 'local' has no option 'foo'"),
        (['--executor', 'ray', '--slots', '-1'], "option 'slots' of executor 'ray' is -1"),
    ],
)
def test_a_dry_run_finds_what_the_run_would_refuse(tmp_path: Path, words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        dry_run(tmp_path / 'out', *words)


@pytest.mark.parametrize('code', [1, 2])
def test_mistakes_of_the_user_end_with_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, code: int
) -> None:
    monkeypatch.setenv('MIMBENCH_COMMAND', shlex.join([sys.executable, '-c', f'import sys; sys.exit({code})']))
    parser = argparse.ArgumentParser()
    add_running_options(parser)
    graph = Graph([Node('transfer', 'a', 'a', ('transfer',), 'result.json', tmp_path, cost_class='a')])
    assert run_graph(graph, tmp_path, parser.parse_args(['--no-probe', '--retries', '0'])) == code
    assert '1 failed of 1' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        parser.parse_args(['--retries', '-1'])
    assert "argument --retries: '-1' is not a whole number from 0 on" in capsys.readouterr().err


@pytest.mark.parametrize('executor', ['slurm', 'ray'])
def test_a_dry_run_asks_no_cluster(tmp_path: Path, capsys: pytest.CaptureFixture, executor: str) -> None:
    assert dry_run(tmp_path / 'out', '--executor', executor, '--executor-options', 'time=240', '--slots', '2') == 0
    assert '1 nodes, 0 done; 2 at a time' in capsys.readouterr().out and not (tmp_path / 'out').exists()


def test_a_dry_run_has_the_slots_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '0,1,2,3')
    assert dry_run(tmp_path / 'out', '--gpus-per-run', '2') == 0
    assert '2 at a time' in capsys.readouterr().out
