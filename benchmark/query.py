"""SQL over finished runs: DuckDB reads the verified result files where they are; nothing is stored.

Views, by column:

- `runs`: one row per run: folder, domain, protocol, version, protocol_hash, metric, higher_is_better, score,
  subject, checkpoint, sha256, role, network, network_hash, method, seed, wall_seconds, gpu_seconds, peak_memory_mb,
  peak_gpu_memory_mb, finished (UTC), config, effective_batch, world_size, code, hardware, command, and the rest of
  result.json as it is: scores, per_class, recipe, data, derived, environment, load_report, notes. `subject` is what the
  report has a row for: unique where two checkpoints have one name, and one for all seeds of a variant of a study;
- `scores`: one row per run and metric: folder, domain, protocol, version, protocol_hash, checkpoint, role, network,
  seed, metric, score, is_protocol_metric;
- `per_class`: one row per run, metric and class: folder, protocol, checkpoint, role, seed, metric, class, score.
"""

import csv
import glob
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmark.cells import tabulate
from benchmark.store import Problem, Run, collect
from pretrain.errors import UserError
from pretrain.record import FILE, Result

VIEWS = ('runs', 'scores', 'per_class')
DEFAULT = """
SELECT domain, protocol, subject AS checkpoint, network, metric, count(*) AS n, round(avg(score), 4) AS mean,
       round(stddev_samp(score), 4) AS std, round(avg(wall_seconds), 1) AS wall_seconds
FROM runs
GROUP BY domain, protocol, version, protocol_hash, subject, network, network_hash, metric
ORDER BY domain, protocol, mean DESC
"""
"""What is shown without a query; runs of different protocols or checkpoints are never averaged,
but seeds of one variant of a study are."""

_COLUMNS = {
    'protocol': 'STRUCT(id VARCHAR, version INTEGER, metric VARCHAR, higher_is_better BOOLEAN, hash VARCHAR)',
    'scores': 'MAP(VARCHAR, DOUBLE)',
    'per_class': 'MAP(VARCHAR, MAP(VARCHAR, DOUBLE))',
    'seed': 'BIGINT',
    'start': 'STRUCT(sha256 VARCHAR, card STRUCT(method VARCHAR))',
    'domain': 'VARCHAR',
    'config': 'VARCHAR',
    'effective_batch': 'BIGINT',
    'world_size': 'BIGINT',
    'environment': 'JSON',
    'recipe': 'JSON',
    'data': 'JSON',
    'derived': 'JSON',
    'load_report': 'JSON',
    'notes': 'VARCHAR[]',
    'command': 'VARCHAR',
    'finished': 'VARCHAR',
    'cost': 'STRUCT(wall_seconds DOUBLE, gpu_seconds DOUBLE, peak_memory_mb DOUBLE, peak_gpu_memory_mb DOUBLE)',
}
"""How DuckDB is to read `result.json`; keys that are not named here are passed over."""

_RUNS = """
CREATE VIEW runs AS
SELECT r.folder, f.domain, f.protocol.id AS protocol, f.protocol.version AS version, f.protocol.hash AS protocol_hash,
       f.protocol.metric AS metric, f.protocol.higher_is_better AS higher_is_better,
       f.scores[f.protocol.metric] AS score, r.subject, r.checkpoint, f.start.sha256 AS sha256, r.role,
       r.network, r.network_hash, f.start.card.method AS method, f.seed,
       f.cost.wall_seconds AS wall_seconds, f.cost.gpu_seconds AS gpu_seconds,
       f.cost.peak_memory_mb AS peak_memory_mb, f.cost.peak_gpu_memory_mb AS peak_gpu_memory_mb,
       f.finished::TIMESTAMP AS finished, f.config, f.effective_batch, f.world_size,
       f.environment->>'code' AS code, f.environment->>'hardware' AS hardware, f.command, f.scores, f.per_class,
       f.recipe, f.data, f.derived, f.environment, f.load_report, f.notes
FROM files f JOIN verified r USING (filename)
"""
_SCORES = """
CREATE VIEW scores AS
SELECT folder, domain, protocol, version, protocol_hash, checkpoint, sha256, role, network, seed, e.key AS metric,
       e.value AS score, e.key = runs.metric AS is_protocol_metric
FROM runs, unnest(map_entries(scores)) AS t(e)
"""
_PER_CLASS = """
CREATE VIEW per_class AS
SELECT folder, domain, protocol, version, protocol_hash, checkpoint, role, seed, m.metric, c.key AS class,
       c.value AS score
FROM (SELECT runs.* EXCLUDE (metric, score), e.key AS metric, e.value AS classes
      FROM runs, unnest(map_entries(per_class)) AS t(e)) AS m, unnest(map_entries(m.classes)) AS u(c)
"""


@dataclass(frozen=True)
class Answer:
    """Rows of a query, with the names of their columns."""

    columns: list[str]
    rows: list[tuple]


class Runs:
    """An open database in memory with the views above, over the verified runs below some places.

    Raises UserError for a place that does not exist, or without any verified run.
    """

    def __init__(self, places: Sequence[str | Path], check_weights: bool = False):
        found = collect(places, check_weights)
        unsaid = {id(run): run for run in found.runs if not _is_text(run)}
        self.problems: list[Problem] = found.problems + [
            Problem('unreadable', run.folder / FILE, 'a path in it is no UTF-8, which SQL cannot read')
            for run in unsaid.values()
        ]
        rows = [
            (run, cell.subject.label)
            for cell in tabulate(found.runs).cells.values()
            for run in cell.runs
            if id(run) not in unsaid
        ]
        if not rows:
            why = f'; left out: {self.problems[0]}' if self.problems else ''
            raise UserError(f'{", ".join(map(str, places))}: no finished run{why}')
        self.database = duckdb.connect(config={'autoinstall_known_extensions': False})
        self.database.execute(
            'CREATE TABLE verified (filename VARCHAR, folder VARCHAR, checkpoint VARCHAR, role VARCHAR, '
            'network VARCHAR, network_hash VARCHAR, subject VARCHAR)'
        )
        names = [(run.folder.absolute() / FILE).as_posix() for run, _ in rows]
        columns = [
            names,
            *zip(*((r.folder.as_posix(), r.checkpoint, r.role, r.network, r.network_hash, who) for r, who in rows)),
        ]
        self.database.execute(
            'INSERT INTO verified SELECT ' + ', '.join(f'unnest(${i + 1})' for i in range(len(columns))),
            [list(values) for values in columns],
        )
        try:
            self._read(names)
            for view in (_RUNS, _SCORES, _PER_CLASS):
                self.database.execute(view)
        except duckdb.Error as error:
            raise UserError(_one_line(error)) from error

    def _read(self, names: list[str]) -> None:
        listed = ', '.join(_quoted(glob.escape(name)) for name in names)
        columns = ', '.join(f'{name}: {_quoted(kind)}' for name, kind in _COLUMNS.items())
        self.database.execute(
            f"CREATE VIEW files AS SELECT * FROM read_json([{listed}], format='unstructured', columns={{{columns}}}, "
            'filename=true, hive_partitioning=false, maximum_object_size=268435456)'
        )

    def query(self, sql: str = DEFAULT) -> Answer:
        """Run one SELECT. Raises UserError, with DuckDB's own words, for a mistake in it."""
        try:
            found = self.database.execute(sql)
            if found is None:
                raise UserError('the query is empty; write a SELECT')
            columns = found.description or []
            json_at = {i for i, column in enumerate(columns) if str(column[1]) == 'JSON'}
            rows = [
                tuple(json.loads(v) if i in json_at and v is not None else v for i, v in enumerate(row))
                for row in found.fetchall()
            ]
            return Answer([column[0] for column in columns], rows)
        except duckdb.Error as error:
            raise UserError(_one_line(error)) from error

    def to_parquet(self, sql: str, path: Path) -> None:
        """Write the rows of one SELECT to a file. UserError as in `query`."""
        try:
            relation = self.database.sql(sql)
            if relation is None:
                raise UserError('the query gives no rows; write a SELECT')
            path.parent.mkdir(parents=True, exist_ok=True)
            relation.write_parquet(str(path))
        except duckdb.Error as error:
            raise UserError(_one_line(error)) from error


def is_sql(text: str) -> bool:
    """Whether a text is meant as a query, be it a wrong one; a single word that is neither SQL nor a view is not."""
    if len(text.split()) != 1 or text in VIEWS:
        return True
    try:
        return bool(duckdb.extract_statements(text))
    except duckdb.Error:
        return False


def schema() -> dict[str, Any]:
    """JSON schema of result.json; `digest`, the sha256 over all the rest, is added to what it describes."""
    found = Result.model_json_schema()
    found['properties']['digest'] = {'type': 'string', 'description': 'sha256 over the canonical JSON of all the rest'}
    return found


def as_csv(answer: Answer) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow(answer.columns)
    writer.writerows([_plain(value) for value in row] for row in answer.rows)
    return buffer.getvalue()


def as_json(answer: Answer) -> str:
    """A list of objects; NaN and infinity, which JSON does not have, are null."""
    rows = [dict(zip(answer.columns, map(_finite, row))) for row in answer.rows]
    return json.dumps(rows, indent=1, default=str, ensure_ascii=False) + '\n'


def as_table(answer: Answer) -> str:
    """Columns side by side, numbers to the right; every row on one line."""
    cells = [[_cell(value) for value in row] for row in answer.rows]
    widths = [max(map(len, column)) for column in zip(answer.columns, *cells)]
    right = [
        bool(answer.rows) and all(isinstance(row[i], int | float) or row[i] is None for row in answer.rows)
        for i in range(len(widths))
    ]

    def line(texts: Sequence[str]) -> str:
        padded = (text.rjust(w) if to_right else text.ljust(w) for text, w, to_right in zip(texts, widths, right))
        return '  '.join(padded).rstrip()

    rows = [line(row) for row in cells]
    return '\n'.join([line(answer.columns), line(['-' * width for width in widths]), *rows]) + '\n'


def _is_text(run: Run) -> bool:
    """Whether DuckDB can read its paths and command, which takes UTF-8 alone."""
    paths = (str(run.folder.absolute()), run.result.command, run.result.config, run.result.start.path or '')
    try:
        ' '.join(paths).encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    if value is None:
        return ''
    return ' '.join(str(_plain(value)).split())


def _plain(value: Any) -> Any:
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else value


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _one_line(error: Exception) -> str:
    """DuckDB's message without the drawing of the place, which needs several lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not set(line.strip()) <= {'^', '~'}]
    kept = [line for line in lines if not line.startswith('LINE ')]
    return ' '.join(kept) + '; the views are runs, scores and per_class (`DESCRIBE runs` lists the columns)'
