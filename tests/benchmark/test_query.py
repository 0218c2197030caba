"""SQL over runs: the views hold what the results say, only verified results count, mistakes are one line."""

import json
import os
from pathlib import Path

import pytest
from made_up import made_up, write

pytest.importorskip('duckdb')

import duckdb

from benchmark.query import Runs, schema
from pretrain.errors import UserError
from pretrain.record import write_result
from tools.main import main

pytestmark = pytest.mark.unit


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / 'runs'
    write(folder / "it's [1] *?", 0.6, 0, per_class={'top1': {'cat': 0.5, 'dog': 0.7}}, recipe={'epochs': 3})
    write(folder / 'b', 0.7, 1)
    write(folder / 'control', 0.5, 0, None)
    changed = write(folder / 'changed', 0.123456, 5) / 'result.json'
    changed.write_text(changed.read_text().replace('0.123456', '0.999999'))
    return folder


def test_runs_hold_what_the_results_say(runs: Path) -> None:
    found = Runs([runs])
    answer = found.query(
        'SELECT role, checkpoint, seed, score, domain, protocol, version, metric, network, wall_seconds, code, '
        "CAST(finished AS VARCHAR), recipe->>'epochs' FROM runs ORDER BY score"
    )
    same = ('classification', 'mini-knn', 1, 'top1', 'vit_tiny')
    assert answer.rows == [
        ('random', 'random vit_tiny', 0, 0.5, *same, 10.0, 'abc', '2026-01-01 00:00:00', None),
        ('checkpoint', 'mae', 0, 0.6, *same, 10.0, 'abc', '2026-01-01 00:00:00', '3'),
        ('checkpoint', 'mae', 1, 0.7, *same, 11.0, 'abc', '2026-01-01 00:00:00', None),
    ]
    assert [problem.kind for problem in found.problems] == ['changed']


def test_scores_and_classes_are_rows(runs: Path) -> None:
    found = Runs([runs])
    assert found.query('SELECT count(*), sum(is_protocol_metric::INT) FROM scores').rows == [(6, 3)]
    assert found.query('SELECT class, score FROM per_class ORDER BY class').rows == [('cat', 0.5), ('dog', 0.7)]
    assert found.query("SELECT score FROM scores WHERE metric = 'nll' AND role = 'random'").rows == [(0.5,)]


def test_the_default_never_averages_over_protocols_or_networks(runs: Path) -> None:
    other = made_up(0.1, 0)
    write_result(runs / 'other', other.model_copy(update={'protocol': other.protocol.model_copy(update={'hash': 'x'})}))
    answer = Runs([runs]).query()
    assert [(row[2], row[5], row[6]) for row in answer.rows] == [
        ('mae', 2, 0.65),
        ('random vit_tiny', 1, 0.5),
        ('mae', 1, 0.1),
    ]


def test_the_default_has_one_row_for_the_seeds_of_a_variant(tmp_path: Path) -> None:
    """Each seed of pre-training makes a file of its own; two files of one name outside of a study stay apart."""
    for seed in range(3):
        start = made_up(0.5, checkpoint=f'encoder{seed}').start
        folder = write(tmp_path / f'variant{seed}', 0.5 + 0.1 * seed, seed, start=start)
        labels = {'study': 'mask-ratio', 'mask ratio': 0.5, 'checkpoint': 'mask ratio=0.5', 'seed': seed}
        (folder / 'node.json').write_text(json.dumps({'labels': labels}))
    write(tmp_path / 'one', 0.2, 0)
    write(tmp_path / 'two', 0.3, 0, start=made_up(0.5).start.model_copy(update={'sha256': 'f' * 64}))
    answer = Runs([tmp_path]).query()
    assert [(row[2], *row[5:8]) for row in answer.rows] == [
        ('mask ratio=0.5', 3, 0.6, 0.1),
        ('mae #ffffff', 1, 0.3, None),
        ('mae #6d6165', 1, 0.2, None),
    ]
    assert answer.columns[2] == 'checkpoint'


def test_a_word_that_is_no_query_is_a_folder(runs: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(runs.parent)
    assert main(['results', 'nosuchfolder']) == 2
    assert 'nosuchfolder: no such run directory' in capsys.readouterr().err
    assert main(['results', 'scores']) == 2
    assert 'the views are runs, scores and per_class' in capsys.readouterr().err
    assert main(['results', 'SELECT*FROM"runs"', '--format', 'json']) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3


@pytest.mark.parametrize(
    'sql, words',
    [('SELECT scroe FROM runs', 'score'), ('SELEKT 1', 'syntax error'), ('SELECT * FROM nowhere', 'nowhere')],
)
def test_a_mistake_is_one_line(runs: Path, capsys, sql: str, words: str) -> None:
    assert main(['results', sql, str(runs)]) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith('mimbench: error: ') and words in last and 'DESCRIBE runs' in last


@pytest.mark.parametrize('place', ['seed=7/domain=foo', 'protocol=x', 'filename=x', '~'])
def test_names_of_folders_are_no_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """DuckDB takes `key=value` in a path for a column, and lets it stand above what the record says; and ~ for home."""
    write(tmp_path / place / 'run', 0.6, 1)
    monkeypatch.chdir(tmp_path)
    found = Runs([place]).query('SELECT protocol, seed, domain FROM runs').rows
    assert found == [('mini-knn', 1, 'classification')]


def test_a_path_that_is_no_text_leaves_one_run_out(runs: Path) -> None:
    write(runs / os.fsdecode(b'm\xfcnchen'), 0.9, 3)
    write(runs / 'other', 0.8, 4, command=os.fsdecode(b'mimbench --data m\xfcnchen'))
    found = Runs([runs])
    assert found.query('SELECT count(*), max(score) FROM runs').rows == [(3, 0.7)]
    assert [problem.kind for problem in found.problems] == ['changed', 'unreadable', 'unreadable']
    assert 'no UTF-8' in str(found.problems[1])


@pytest.mark.parametrize('sql', ['   ', '-- nothing'])
def test_an_empty_query_is_one_line(runs: Path, capsys, sql: str) -> None:
    assert main(['results', sql, str(runs)]) == 2
    assert 'write a SELECT' in capsys.readouterr().err


def test_json_has_no_nan(runs: Path, capsys) -> None:
    sql = "SELECT 'nan'::DOUBLE AS x, ['inf'::DOUBLE, 1.0] AS y, {'z': '-inf'::DOUBLE} AS z"
    assert main(['results', sql, str(runs), '--format', 'json']) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == [
        {'x': None, 'y': [None, 1.0], 'z': {'z': None}}
    ]


def test_formats_of_the_command(runs: Path, tmp_path: Path, capsys) -> None:
    sql = 'SELECT checkpoint, seed, score, scores, recipe FROM runs ORDER BY score'
    assert main(['results', sql, str(runs), '--format', 'json']) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row['score'] for row in rows] == [0.5, 0.6, 0.7]
    assert rows[1]['scores'] == {'top1': 0.6, 'nll': 0.4} and rows[1]['recipe'] == {'epochs': 3}
    assert main(['results', 'SELECT checkpoint, score FROM runs ORDER BY score', str(runs), '--format', 'csv']) == 0
    assert capsys.readouterr().out.splitlines() == ['checkpoint,score', 'random vit_tiny,0.5', 'mae,0.6', 'mae,0.7']
    file = tmp_path / 'new' / 'scores.parquet'
    assert main(['results', 'FROM scores', str(runs), '--format', 'parquet', '--out', str(file)]) == 0
    assert duckdb.sql(f"SELECT count(*) FROM '{file}'").fetchall() == [(6,)]
    assert main(['results', 'FROM scores', str(runs), '--format', 'parquet']) == 2
    assert main(['results', str(runs)]) == 0
    assert 'random vit_tiny' in capsys.readouterr().out


def test_no_database_file_is_left(runs: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob('*'))
    assert main(['results']) == 0  # the default folder, runs
    assert sorted(tmp_path.rglob('*')) == before


def test_without_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no finished run'):
        Runs([tmp_path])


def test_the_schema_describes_a_result(runs: Path, capsys) -> None:
    content = json.loads((runs / 'b' / 'result.json').read_text())
    assert set(content) <= set(schema()['properties'])
    assert main(['results', '--schema']) == 0
    assert json.loads(capsys.readouterr().out) == schema()
