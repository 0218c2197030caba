"""What the folder of a node tells: done, changed, damaged, vanished; and under which name and labels it is kept."""

import errno
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from graphs import COMMAND, completions, node, run

from benchmark.nodes import DONE, State, note, other_study, read_json, read_lines, state
from benchmark.progress import reason

pytestmark = [pytest.mark.unit, pytest.mark.timeout(60)]


@pytest.fixture(autouse=True)
def fake_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_COMMAND', COMMAND)
    monkeypatch.setattr('benchmark.driver.POLL_SECONDS', 0.02)


def test_what_is_missing_or_was_changed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not counted as done by a plan while a report leaves it out; what was changed is kept aside."""
    one, two = node(tmp_path, 'one', 'value=1'), node(tmp_path, 'two', 'value=2')
    run([one, two])
    one.path().unlink()
    good = two.path().read_bytes()
    two.path().write_bytes(good.replace(b'2', b'9'))
    assert [state(n.folder, n.key).word for n in (one, two)] == ['waiting', 'waiting']
    outcome, events = run([one, two])
    assert outcome.done == {one.key, two.key} and ('done', 'two') in events
    assert json.loads(one.path().read_text())['sum'] == 1 and two.path().read_bytes() == good
    assert b'9' in (two.folder / 'changed-result.json').read_bytes() and (two.folder / DONE).exists()
    assert [completions(n) for n in (one, two)] == [2, 2]
    two.path().write_bytes(good.replace(b'2', b'9'))
    monkeypatch.setenv('MIMBENCH_COMMAND', shlex.join([sys.executable, '-c', 'import sys; sys.exit(1)']))
    assert two.key in run([two], retries=0)[0].failed
    assert not (two.folder / DONE).exists(), 'the marker of what was set aside would condemn what is made next'


def test_a_mended_mistake_has_all_its_retries(tmp_path: Path) -> None:
    """The code of an attempt before the one that vanished says nothing of it."""
    one = node(tmp_path, 'one')
    one.write()
    note(one.folder, host='h', pid=1, slot=0, started=1.0)
    note(one.folder, code=2, ended=2.0)
    assert state(one.folder, one.key).hopeless(2)
    note(one.folder, host='h', pid=2, slot=0, started=3.0)
    found = state(one.folder, one.key)
    assert (found.word, found.failures, found.lost, found.code) == ('failed', 1, 1, None)
    assert not found.hopeless(2, before=1) and found.hopeless(0, before=1)


def test_a_file_that_was_replaced_just_now_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS says once that it is stale; a file that cannot be read at all is as good as none."""
    (tmp_path / 'a.json').write_text('{"a": 1}')
    really, calls = Path.read_text, []

    def stale(path: Path, *rest, **more) -> str:
        calls.append(path)
        if len(calls) == 1:
            raise OSError(errno.ESTALE, 'Stale file handle')
        return really(path, *rest, **more)

    monkeypatch.setattr(Path, 'read_text', stale)
    assert read_json(tmp_path / 'a.json') == {'a': 1} and len(calls) == 2
    monkeypatch.setattr(Path, 'read_text', lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO, 'broken')))
    assert read_json(tmp_path / 'a.json') == {} and read_lines(tmp_path / 'a.json') == []


def test_an_encoder_that_was_damaged_is_made_again(tmp_path: Path) -> None:
    """A copy, or a file that was only touched, is what it was; a byte that changed is noticed by the time of change."""
    one = node(tmp_path, 'one', 'value=1')
    run([one])
    content = one.path().read_bytes()
    os.utime(one.path(), (1, 1))
    assert state(one.folder, one.key).word == 'done'
    with open(one.path(), 'r+b') as file:
        file.write(b'X')
    assert state(one.folder, one.key).word == 'waiting'
    one.path().write_bytes(content)
    assert state(one.folder, one.key).word == 'done'


def test_why_an_attempt_ended(tmp_path: Path) -> None:
    one = node(tmp_path, 'one')
    one.write()
    (one.folder / 'log.txt').write_text('written: encoder\n')
    assert reason(one, State('failed', code=1)) == 'written: encoder'
    assert reason(one, State('failed', lost=1)).startswith('it vanished')


def test_a_node_moves_with_the_edits_of_its_study(tmp_path: Path) -> None:
    """Its labels do, and nothing else of what is done; the node of another study stays there."""
    first = replace(node(tmp_path, 'a'), labels={'study': 's', 'edition': '1'})
    run([first])
    replace(first, labels={'study': 's', 'edition': '2'}, processes=4).write()
    facts = read_json(first.folder / 'node.json')
    assert (facts['labels']['edition'], facts['processes']) == ('2', 1)
    replace(first, labels={'study': 't', 'edition': '3'}).write()
    assert read_json(first.folder / 'node.json')['labels']['study'] == 's'
    assert other_study(first) is None and other_study(replace(first, labels={'study': 't'})) == 's'


def test_another_title_finds_the_folder_of_the_node(tmp_path: Path) -> None:
    """A checkpoint or an axis that got another name is not measured again."""
    first = node(tmp_path / 'out', 'first', 'value=3')
    run([first])
    renamed = replace(first, title='renamed', labels={'study': 's', 'x': 1})
    assert renamed.folder == first.folder and renamed.key == first.key
    _, events = run([renamed])
    assert events == [('done', 'renamed')] and len(list((tmp_path / 'out').glob('*/node.json'))) == 1
    other = replace(first, identity='other')
    assert other.folder != first.folder
