"""Runs as a compact block of JSON, which the page turns into records when somebody asks for them."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from benchmark.cells import Cell, Table
from benchmark.store import Run
from pretrain.record import FILE


class Index:
    """The place of every run in the table's order, and links to some of them."""

    def __init__(self, table: Table):
        self.places = {id(run): i for i, run in enumerate(table.runs)}

    def link(self, runs: Iterable[Run]) -> str:
        """`#runs-3-5_9`: the runs 3, 4, 5 and 9."""
        places = sorted({self.places[id(run)] for run in runs})
        parts: list[list[int]] = []
        for place in places:
            if parts and place == parts[-1][1] + 1:
                parts[-1][1] = place
            else:
                parts.append([place, place])
        return '#runs-' + '_'.join(f'{a}' if a == b else f'{a}-{b}' for a, b in parts)

    def cells(self, *cells: Cell | None) -> str:
        return self.link(run for cell in cells if cell is not None for run in cell.runs)


def load_line(report: dict[str, Any] | None) -> str:
    """What became of the checkpoint's tensors, in one line; empty for random weights."""
    if not report:
        return ''
    counts = report.get('counts') or {}
    parts = [f'{number:,} {name}' for name, number in counts.items() if number]
    coverage = report.get('coverage')
    share = [f'{100 * coverage:g} % of the network covered'] if isinstance(coverage, int | float) else []
    allowed = [f'missing by permission: {", ".join(map(str, report["allowed"]))}'] if report.get('allowed') else []
    return ', '.join(share + parts + allowed)


def relative_link(folder: Path, out: Path) -> str:
    """From the page to a run's result, as a link; works as long as both keep their places."""
    path = Path(os.path.relpath(folder.resolve() / FILE, out.resolve())).as_posix()
    return quote(os.fsencode(path))


def records(table: Table, out: Path) -> dict[str, Any]:
    """Names and rows; texts that many runs share (hardware, versions, notes) are numbers into `texts`.

    Args:
        out: the folder that the page will lie in.
    """
    texts: dict[str, int] = {}

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    subjects = {subject.key: i for i, subject in enumerate(table.subjects)}
    rows = []
    for number, column in enumerate(table.columns):
        for cell in table.column_cells(column):
            subject = subjects[cell.subject.key]
            rows += [_row(run, subject, number, place, out) for run in cell.runs]
    return {
        'fields': [
            *('link', 'checkpoint', 'protocol', 'seed', 'scores', 'sha256', 'finished', 'wall', 'gpu', 'memory'),
            *('code', 'hardware', 'libraries', 'config', 'batch', 'load', 'notes', 'command'),
        ],
        'checkpoints': [subject.label for subject in table.subjects],
        'protocols': [
            [c.label, c.id, c.version, c.hash, c.metric, c.domain, '; '.join(c.notes)] for c in table.columns
        ],
        'texts': list(texts),
        'rows': rows,
    }


def _row(run: Run, subject: int, column: int, place, out: Path) -> list:
    result = run.result
    environment = dict(result.environment)
    code, hardware = str(environment.pop('code', 'unknown')), str(environment.pop('hardware', 'unknown'))
    libraries = ', '.join(f'{name} {value}' for name, value in environment.items())
    processes = f', {result.world_size} processes' if result.world_size > 1 else ''
    return [
        relative_link(run.folder, out),
        subject,
        column,
        result.seed,
        {name: round(value, 6) for name, value in result.scores.items()},
        result.start.sha256 or '',
        result.finished,
        round(result.cost.wall_seconds, 1),
        round(result.cost.gpu_seconds, 1),
        round(max(result.cost.peak_memory_mb, result.cost.peak_gpu_memory_mb)),
        place(code),
        place(hardware + processes),
        place(libraries),
        place(result.config),
        result.effective_batch,
        place(load_line(result.load_report)),
        place('; '.join(result.notes)),
        result.command,
    ]


def json_block(value: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, separators=(',', ':'), ensure_ascii=False)
    for character in '<>&\u2028\u2029':
        text = text.replace(character, f'\\u{ord(character):04x}')
    return Markup(text)


def unique_texts(values: Sequence[str | None], empty: str = 'unknown') -> str:
    """Different values in their order, for a sentence."""
    return ', '.join(dict.fromkeys(str(value) if value else empty for value in values))
