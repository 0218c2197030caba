"""`mimbench report`: turn runs into tables and a page."""

import argparse
import sys
from pathlib import Path

HELP = """Read finished runs, verify each, and write one page that opens from a file (report.html), report.md,
scores.csv, gains.csv and tables.tex. Runs that fail verification are left out and named in a section of their own.

examples:
  mimbench report runs
  mimbench report runs/mae runs/beit --out reports/first --strict"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('runs', nargs='+', metavar='RUNS', help='run directories, or folders that hold some')
    parser.add_argument('--out', type=Path, default=Path('report'), metavar='FOLDER', help='default: %(default)s')
    parser.add_argument('--title', help='of the page')
    parser.add_argument(
        '--strict', action='store_true', help='write nothing and end with 2 when a run has to be left out'
    )
    parser.add_argument(
        '--trust-weights', action='store_true', help='do not hash checkpoint files again to see if they have changed'
    )


def run(args: argparse.Namespace) -> int:
    from benchmark.report.write import read_runs, write_table

    table, problems = read_runs(args.runs, check_weights=not args.trust_weights)
    excluded = [problem for problem in problems if problem.excluded]
    for problem in problems:
        print(f'mimbench: {"error" if args.strict and problem.excluded else "warning"}: {problem}', file=sys.stderr)
    if args.strict and excluded:
        return 2
    found = write_table(table, problems, args.out, args.title)
    left_out = f', {len(excluded)} left out' if excluded else ''
    print(f'{len(table.runs)} runs, {len(table.columns)} protocols{left_out}')
    print('\n'.join(f'written: {path}' for path in found.paths))
    return 0
