"""`mimbench export`: put the records of runs into one file that can be checked elsewhere."""

import argparse
from pathlib import Path

HELP = """Write a results bundle: a zip with the records of all finished runs below the folders and the hash of each
file. `mimbench verify` checks it on another machine.

example:
  mimbench export runs/bench --out results.zip"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('runs', nargs='+', help='run directories, or folders of them')
    parser.add_argument('--out', default='results.zip', help='default: results.zip')


def run(args: argparse.Namespace) -> int:
    from benchmark.bundle import write_bundle

    found = write_bundle(args.runs, Path(args.out))
    print(f'{found.runs} runs, {found.files} files: {args.out}')
    print(f'digest {found.digest}')
    return 0
