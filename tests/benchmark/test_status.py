"""`mimbench status`: what the folders of nodes tell, in a table."""

import json
from pathlib import Path

import pytest

from benchmark.nodes import ATTEMPTS, LOG, Node, commit, last_words, read_json
from pretrain.files import sha256
from pretrain.occupancy import occupy
from tools.main import main

pytestmark = pytest.mark.unit


def node(out: Path, title: str) -> Node:
    made = Node('transfer', title, title, ('transfer',), 'result.json', out)
    made.write()
    return made


def test_each_state_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '120')
    done, failed, running, _ = (node(tmp_path, title) for title in ('knn-a', 'knn-b', 'knn-c', 'knn-d'))
    done.path().write_text('{}')
    commit(done.folder, read_json(done.folder / 'node.json'), sha256(done.path()), 75.0)
    ends = [{'host': 'h', 'pid': 1, 'started': 1.0}, {'code': 1, 'ended': 2.0}]
    (failed.folder / ATTEMPTS).write_text('\n'.join(map(json.dumps, ends)))
    (failed.folder / LOG).write_text('11/22 02:33 - mmengine - INFO - update 5\nmimbench: error: no data at x\n\n')
    with occupy(running.folder):
        assert main(['status', str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert '1 done, 1 running, 1 failed, 1 new' in out
        assert 'no data at x' in out and 'knn-c' in out and 'knn-a' not in out
        assert main(['status', str(tmp_path), '--all']) == 0
        assert '1 min 15 s' in capsys.readouterr().out
    assert main(['status', str(tmp_path / 'nowhere')]) == 2


def test_a_log_is_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '120')
    for title, line in (('a', '[rank0]: RuntimeError: boom'), ('b', 'no such file [/data/x]')):
        failed = node(tmp_path, title)
        (failed.folder / ATTEMPTS).write_text('{"host": "h", "started": 1}\n{"code": 1, "ended": 2}\n')
        (failed.folder / LOG).write_text(f'{line}\n')
    assert main(['status', str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert '[rank0]: RuntimeError: boom' in out and 'no such file [/data/x]' in out


def test_last_words_are_short_and_cheap(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(b'x' * 100_000 + b'\n11/22 - mmengine - INFO - update 7  loss 1\n\n')
    assert last_words(tmp_path) == 'update 7  loss 1' and last_words(tmp_path / 'none') == ''
