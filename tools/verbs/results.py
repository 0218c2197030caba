"""`mimbench results`: ask finished runs with SQL."""

import argparse
import json
import os
import sys
from pathlib import Path

HELP = """Query finished runs with SQL (DuckDB). Each result is verified, then read where it lies; there is no database
file. Files of weights are not read: `mimbench report` does that. Views: runs (a row per run), scores (a row per run and
metric), per_class (a row per run, metric and class); 'DESCRIBE runs' lists columns. Without SQL: mean and spread by
protocol and checkpoint, or variant of a study.

examples:
  mimbench results
  mimbench results "SELECT checkpoint, seed, score FROM runs WHERE protocol = 'in1k-knn-k20' ORDER BY score" runs/first
  mimbench results "FROM scores" --format parquet --out scores.parquet"""

FORMATS = ('table', 'csv', 'json', 'parquet')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('sql', nargs='?', metavar='SQL', help='one query; may be left out')
    parser.add_argument('runs', nargs='*', metavar='RUNS', help='folders that hold runs; default: runs')
    parser.add_argument('--format', choices=FORMATS, default='table', help='default: %(default)s')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write there instead of printing')
    parser.add_argument('--schema', action='store_true', help='print the JSON schema of result.json and stop')


def run(args: argparse.Namespace) -> int:
    from benchmark import query
    from pretrain.errors import UserError

    if args.schema:
        return _give(json.dumps(query.schema(), indent=1) + '\n', args.out)
    if args.format == 'parquet' and not args.out:
        raise UserError('--format parquet is binary; name a file with --out')
    sql, places = args.sql, args.runs
    if sql is not None and (os.path.exists(sql) or not (places or query.is_sql(sql))):
        sql, places = None, [sql, *places]  # `mimbench results runs`: a folder, no query
    runs = query.Runs(places or ['runs'])
    for problem in runs.problems:
        print(f'mimbench: warning: {problem}', file=sys.stderr)
    sql = sql or query.DEFAULT
    if args.format == 'parquet':
        runs.to_parquet(sql, args.out)
        print(f'written: {args.out}')
        return 0
    answer = runs.query(sql)
    write = {'table': query.as_table, 'csv': query.as_csv, 'json': query.as_json}[args.format]
    return _give(write(answer), args.out)


def _give(text: str, out: Path | None) -> int:
    if out is None:
        sys.stdout.write(text)
        return 0
    from pretrain.files import atomic

    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic(out) as temporary:
        temporary.write_text(text, encoding='utf-8')
    print(f'written: {out}')
    return 0
