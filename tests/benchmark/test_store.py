"""What counts as a run, and what is found and named when it does not."""

import builtins
import errno
import io
import json
import os
from pathlib import Path

import pytest
from made_up import made_up, write

from benchmark.nodes import DONE, note
from benchmark.store import collect
from pretrain.errors import UserError
from pretrain.files import sha256
from pretrain.record import write_result

pytestmark = pytest.mark.unit


def kinds(found) -> list[str]:
    return [problem.kind for problem in found.problems]


def test_runs_at_any_depth_count_once(tmp_path: Path) -> None:
    write(tmp_path / 'a', 0.5)
    write(tmp_path / 'deep' / 'er' / 'b', 0.6, seed=1)
    write(tmp_path / '.hidden', 0.7, seed=2)
    found = collect([tmp_path, tmp_path / 'a'])
    assert sorted(run.result.score for run in found.runs) == [0.5, 0.6] and not found.problems
    assert {run.checkpoint for run in found.runs} == {'mae'}
    with pytest.raises(UserError, match='no such run directory'):
        collect([tmp_path / 'nowhere'])


def test_parts_of_a_run_are_no_runs(tmp_path: Path) -> None:
    write(tmp_path / 'fewshot', 0.5)
    write(tmp_path / 'fewshot' / 'fold0', 0.4)
    assert [run.result.score for run in collect([tmp_path]).runs] == [0.5]


def test_a_changed_score_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / 'a', 0.5) / 'result.json'
    path.write_text(path.read_text().replace('"top1": 0.5', '"top1": 0.9'))
    found = collect([tmp_path])
    assert not found.runs and kinds(found) == ['changed'] and str(path) in str(found.problems[0])


def test_torn_and_foreign_files_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / 'a', 0.5) / 'result.json'
    path.write_text(path.read_text()[:300])
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b' / 'result.json').write_text('{"accuracy": 1}')
    found = collect([tmp_path])
    assert not found.runs and kinds(found) == ['unreadable', 'unreadable']


def test_a_changed_checkpoint_is_named(tmp_path: Path) -> None:
    weights = tmp_path / 'weights.safetensors'
    weights.write_bytes(b'one')
    start = made_up(0.5).start.model_copy(update={'path': str(weights), 'sha256': sha256(weights)})
    write(tmp_path / 'a', 0.5, start=start)
    assert len(collect([tmp_path]).runs) == 1
    weights.write_bytes(b'two')
    found = collect([tmp_path])
    assert not found.runs and kinds(found) == ['checkpoint'] and str(weights) in str(found.problems[0])
    assert len(collect([tmp_path], check_weights=False).runs) == 1


def test_a_result_put_in_the_place_of_another_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / 'a', 0.5)
    marker = {'key': 'k', 'product': 'result.json', 'sha256': sha256(folder / 'result.json')}
    (folder / DONE).write_text(json.dumps(marker))
    assert len(collect([tmp_path]).runs) == 1
    write_result(folder, made_up(0.9))
    assert kinds(collect([tmp_path])) == ['marker']


def test_copies_count_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    write(tmp_path / 'a', 0.5)
    write(tmp_path / 'copy', 0.5)
    write(tmp_path / 'c', 0.5, seed=1)
    write(tmp_path / 'd', 0.6, seed=1)
    write(tmp_path / 'control', 0.3, checkpoint=None)
    found = collect([tmp_path])
    assert sorted(run.folder.name for run in found.runs) == ['a', 'control']
    assert sorted(kinds(found)) == ['conflict', 'conflict', 'duplicate']


def test_a_control_that_was_run_twice_is_still_one(tmp_path: Path) -> None:
    """Another number of threads changes its last digits; without it nothing could be said of any checkpoint."""
    for name, score, day in (('a', 0.31, 2), ('b', 0.3, 1), ('c', 0.32, 3)):
        write(tmp_path / name, score, checkpoint=None, finished=f'2026-01-0{day}T00:00:00+00:00')
    found = collect([tmp_path])
    assert [run.folder.name for run in found.runs] == ['b'] and kinds(found) == ['conflict', 'conflict']
    assert 'the older counts' in str(found.problems[0])


def test_of_copies_the_one_of_a_study_is_kept(tmp_path: Path) -> None:
    write(tmp_path / 'a', 0.5)
    of_study = write(tmp_path / 'b', 0.5)
    (of_study / 'node.json').write_text(json.dumps({'labels': {'study': 'masks', 'mask ratio': 0.5}}))
    found = collect([tmp_path])
    assert [run.folder.name for run in found.runs] == ['b'] and kinds(found) == ['duplicate']


def test_a_name_with_a_point_in_it(tmp_path: Path) -> None:
    """Of what was imported the checkpoint is a name, no file with an ending."""
    imported = {'format': 'wandb', 'file': 'f', 'tag': 't', 'chosen': 'last', 'sha256': 'a' * 64}
    for name in ('mae-0.5', 'mae-0.75', 'encoder'):
        start = made_up(0.5).start.model_copy(update={'path': name, 'sha256': None, 'card': None})
        write(tmp_path / name, 0.5, start=start, imported={**imported, 'sha256': name.encode().hex().ljust(64, '0')})
    assert sorted(run.checkpoint for run in collect([tmp_path]).runs) == ['encoder', 'mae-0.5', 'mae-0.75']


def test_versions_of_a_protocol_are_told_apart(tmp_path: Path) -> None:
    first = made_up(0.5).protocol
    write(tmp_path / 'a', 0.5)
    write(tmp_path / 'b', 0.6, protocol=first.id, seed=1)
    newer = first.model_copy(update={'version': 2, 'hash': 'h2'})
    write_result(tmp_path / 'c', made_up(0.7).model_copy(update={'protocol': newer}))
    found = collect([tmp_path])
    assert len(found.runs) == 3 and kinds(found) == ['versions'] and len({run.column for run in found.runs}) == 2


def test_links_are_followed_and_nothing_counts_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs kept on another disk, a link back to the folder above, and one place that is named in three ways."""
    write(tmp_path / 'runs' / 'a', 0.5)
    write(tmp_path / 'scratch' / 'b', 0.6, seed=1)
    (tmp_path / 'runs' / 'b').symlink_to(tmp_path / 'scratch' / 'b')
    (tmp_path / 'runs' / 'back').symlink_to(tmp_path / 'runs')
    monkeypatch.chdir(tmp_path)
    found = collect(['runs', tmp_path / 'runs', 'scratch/../runs/a'])
    assert sorted(run.result.score for run in found.runs) == [0.5, 0.6] and not found.problems


def test_what_others_keep_to_themselves_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a record and a checkpoint that may not be read; the other runs count."""
    for seed, name in enumerate(('mine', 'folder', 'record')):
        write(tmp_path / name, 0.5 + seed / 10, seed)
    start = made_up(0.9, 9, 'theirs').start.model_copy(update={'path': str(tmp_path / 'theirs.pth')})
    write(tmp_path / 'theirs', 0.9, 9, start=start)
    (tmp_path / 'theirs.pth').write_bytes(b'x')
    closed = {tmp_path / 'folder', tmp_path / 'record' / 'result.json', tmp_path / 'theirs.pth'}

    def close(module, name: str) -> None:
        really = getattr(module, name)

        def refuse(path, *rest, **more):
            if isinstance(path, (str, Path)) and Path(path) in closed:
                raise PermissionError(errno.EACCES, 'Permission denied', str(path))
            return really(path, *rest, **more)

        monkeypatch.setattr(module, name, refuse)

    close(os, 'scandir')
    close(io, 'open')
    close(builtins, 'open')
    found = collect([tmp_path])
    assert sorted(run.folder.name for run in found.runs) == ['mine', 'theirs']
    assert {(problem.kind, problem.path.parent.name) for problem in found.problems} == {
        ('unreadable', tmp_path.name),
        ('unreadable', 'record'),
    }
    assert all('Permission denied' in str(problem) for problem in found.problems)


def test_a_node_that_failed_is_named(tmp_path: Path) -> None:
    """It is in no table, and a reader of the tables would not miss it."""
    write(tmp_path / 'fine', 0.5)
    for name, code in (('bad', 1), ('waits', 75)):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'node.json').write_text(json.dumps({'key': name}))
        note(tmp_path / name, host='h', pid=1, started=1.0)
        note(tmp_path / name, code=code, ended=2.0)
    (tmp_path / 'bad' / 'log.txt').write_text('mimbench: error: no data at x\n')
    (problem,) = collect([tmp_path]).problems
    assert (problem.kind, problem.excluded, problem.path) == ('failed', False, tmp_path / 'bad' / 'log.txt')
    assert str(problem).endswith('its run failed and is in no table: mimbench: error: no data at x')
