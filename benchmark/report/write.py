"""From run directories to the files of a report."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cells import Table, tabulate
from benchmark.store import Problem, collect
from pretrain.errors import UserError
from pretrain.files import atomic

PAGE, MARKDOWN, SCORES, GAINS, LATEX = 'report.html', 'report.md', 'scores.csv', 'gains.csv', 'tables.tex'


@dataclass(frozen=True)
class Report:
    """What was read, and what was written.

    Attributes:
        paths: the page first.
    """

    table: Table
    problems: list[Problem]
    paths: list[Path]


def read_runs(places: Sequence[str | Path], check_weights: bool = True) -> tuple[Table, list[Problem]]:
    """The cells of all verified runs below the places, and what is wrong with the others.

    Raises UserError for a place that does not exist, and where no run is left.
    """
    found = collect(places, check_weights)
    if not found.runs:
        where = ', '.join(map(str, places))
        why = f'; {len(found.problems)} were left out, the first: {found.problems[0]}' if found.problems else ''
        raise UserError(f'{where}: no finished run{why}; give folders in which `mimbench transfer` has ended')
    return tabulate(found.runs), found.problems


def write_report(
    places: Sequence[str | Path], out: Path, title: str | None = None, check_weights: bool = True
) -> Report:
    """Read the runs and write all files into `out`, each of them whole or not at all. Raises as `read_runs`."""
    return write_table(*read_runs(places, check_weights), out, title)


def write_table(table: Table, problems: Iterable[Problem], out: Path, title: str | None = None) -> Report:
    """Write all files for cells that were read already."""
    from benchmark.report import tables
    from benchmark.report.page import TITLE, Options, render

    problems, title = list(problems), title or TITLE
    made = time.strftime('%-d %B %Y, %H:%M UTC', time.gmtime())
    out.mkdir(parents=True, exist_ok=True)
    contents = {
        PAGE: render(table, problems, Options(out, title, made)),
        MARKDOWN: tables.markdown(table, problems, title, made),
        SCORES: tables.scores_csv(table),
        GAINS: tables.gains_csv(table),
        LATEX: tables.latex(table),
    }
    paths = []
    for name, text in contents.items():
        with atomic(out / name) as temporary:  # names with bytes that are no text are kept readable
            temporary.write_text(text, encoding='utf-8', errors='backslashreplace', newline='\n')
        paths.append(out / name)
    return Report(table, problems, paths)
