"""`mimbench status`: what runs, waits, failed and is done in folders of runs."""

import argparse
import sys
import time
from pathlib import Path

from pretrain.errors import UserError

HELP = """Show the nodes of `benchmark` and `ablate` below a folder: done, running (where, and when last seen), waiting
and failed, with the last line of each log. On a terminal --watch keeps the table up to date."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('runs', nargs='?', default='runs', help='default: runs')
    parser.add_argument('--watch', action='store_true', help='show the table anew every two seconds until Ctrl-C')
    parser.add_argument('--all', action='store_true', help='done and new nodes too')


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    folder = Path(args.runs)
    if not folder.is_dir():
        raise UserError(f'{folder}: no such folder')
    console = Console()
    while True:
        table = render(folder, args.all)
        if args.watch and sys.stdout.isatty():
            console.clear()
        console.print(table)
        if not args.watch or not sys.stdout.isatty():
            return 0
        time.sleep(2)


def render(folder: Path, everything: bool):
    """A table of the nodes below a folder; its title alone where it would be empty."""
    from collections import Counter

    from rich.markup import escape
    from rich.table import Table

    from benchmark.cost import duration
    from benchmark.nodes import NODE, last_words, read_json, state

    found = [(path.parent, read_json(path)) for path in sorted(folder.rglob(NODE))]
    states = [(place, node, state(place, node.get('key', ''))) for place, node in found]
    counts = Counter(seen.word for _, _, seen in states)
    title = ', '.join(
        f'{counts[word]} {word}' for word in ('done', 'running', 'waiting', 'failed', 'new') if counts[word]
    )
    table = Table(expand=True, title=f'{escape(str(folder))}: {title or "no nodes"}', title_justify='left')
    table.add_column('node', overflow='fold', min_width=16)
    table.add_column('state')
    for name in ('took', 'tries', 'where'):
        table.add_column(name, no_wrap=True)
    table.add_column('last line', overflow='ellipsis', no_wrap=True, ratio=1)
    for place, node, seen in states:
        if not everything and seen.word in ('done', 'new'):
            continue
        tries = str(seen.failures + seen.lost) if seen.failures + seen.lost else ''
        began = time.time() - seen.holder.started if seen.holder else None
        took = duration(seen.seconds if seen.seconds is not None else began) if seen.seconds or began else ''
        words = [node.get('title', place.name), seen.word, took, tries, _where(seen.holder), last_words(place)]
        table.add_row(*map(escape, words))
    return table if table.rows else table.title


def _where(holder) -> str:
    if holder is None:
        return ''
    age = '' if holder.age is None or holder.age < 15 else f', silent {holder.age:.0f} s'
    return f'{holder.host}:{holder.pid}{age}'
