"""`mimbench verify`: check a results bundle."""

import argparse
from pathlib import Path

from tools.main import MISTAKE

HELP = """Check a results bundle of `mimbench export`: every file is there and unchanged, and every result matches its
own digest. The digest that is printed is that of the machine where the bundle was made.

example:
  mimbench verify results.zip --to runs/theirs --digest 3f2a..."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('bundle')
    parser.add_argument('--digest', help='what `mimbench export` printed; a bundle made anew has another')
    parser.add_argument('--to', help='a new folder for the runs, for `mimbench report`')


def run(args: argparse.Namespace) -> int:
    from benchmark.bundle import verify_bundle

    found = verify_bundle(Path(args.bundle), Path(args.to) if args.to else None, args.digest)
    if found.wrong:
        for line in found.wrong:
            print(line)
        print(f'{args.bundle} is not sound: {len(found.wrong)} things are wrong')
        return MISTAKE
    if args.to:
        print(f'written to {args.to}')
    print(f'sound: {found.runs} runs, {found.files} files, digest {found.digest}')
    return 0
