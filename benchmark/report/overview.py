"""The heat map: which checkpoints and protocols share one, and what is in its cells."""

from typing import Any

from benchmark.cells import Cell, Column, Table
from benchmark.report import numbers
from benchmark.report.records import Index
from benchmark.report.wording import column_facts, domain_title
from benchmark.store import RANDOM

WIDEST = 14
"""Protocols in one heat map; of more, every domain gets its own."""
UNDECIDED = 0.45
"""Share of its colour that an undecided cell keeps."""


def overview(table: Table, index: Index) -> list[dict[str, Any]]:
    """The heat maps of the page, largest first."""
    maps = []
    for name, columns in _blocks(table):
        largest = {column.key: _largest(table, column) for column in columns}
        rows = []
        for subject in table.subjects:
            cells = [table.cell(subject, column) for column in columns]
            if subject.role != RANDOM and any(cells):
                row = [_heat(cell, index, largest[cell.column.key]) if cell else None for cell in cells]
                rows.append({'label': subject.label, 'network': subject.network, 'role': subject.role, 'cells': row})
        if rows:
            maps.append({'domain': name, 'columns': [column_facts(column) for column in columns], 'rows': rows})
    return maps


def _blocks(table: Table) -> list[tuple[str, list[Column]]]:
    """Columns that share a heat map, and its name: those that are joined by common checkpoints, at most `WIDEST`."""
    groups: list[tuple[set[str], set[Column]]] = []
    for column in table.columns:
        if column.features_only:
            continue
        names = {cell.subject.key for cell in table.column_cells(column) if cell.subject.role != RANDOM}
        joined = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append((names.union(*(g[0] for g in joined)), {column}.union(*(g[1] for g in joined))))
    blocks = []
    for _, chosen in sorted(groups, key=lambda group: -len(group[1])):
        columns = [column for column in table.columns if column in chosen]
        domains = list(dict.fromkeys(column.domain for column in columns))
        if len(columns) <= WIDEST:
            blocks.append((', '.join(map(domain_title, domains)), columns))
            continue
        for domain in domains:
            own = [column for column in columns if column.domain == domain]
            blocks += [(domain_title(domain), own[i : i + WIDEST]) for i in range(0, len(own), WIDEST)]
    return [('', columns) for _, columns in blocks] if len(blocks) == 1 else blocks


def _largest(table: Table, column: Column) -> float:
    return max((abs(cell.gain.gain) for cell in table.column_cells(column) if cell.gain), default=0.0)


def _heat(cell: Cell, index: Index, largest: float) -> dict[str, Any]:
    gain = cell.gain
    if gain is None:
        score = numbers.score(cell.summary.mean, cell.column.metric)
        link = index.cells(cell)
        return {'kind': 'none', 'text': 'no control', 'small': f'score {score}, n={cell.summary.n}', 'link': link}
    decided = gain.verdict in ('helps', 'hurts')
    strength = abs(gain.gain) / largest if largest else 0.0
    return {
        'kind': ('up' if gain.gain > 0 else 'down' if gain.gain < 0 else 'flat') + (' decided' if decided else ''),
        'verdict': gain.verdict,
        'text': numbers.signed(gain.gain, cell.column.metric),
        'small': gain.verdict + (f', {numbers.sizes(gain)}' if decided else ''),
        'strength': round(strength * (1 if decided else UNDECIDED), 3),
        'link': index.cells(cell, cell.controls[RANDOM]),
        'value': gain.gain,
    }
