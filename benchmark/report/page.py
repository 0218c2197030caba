"""What the template gets: every number as text, with the link to its runs. Layout and looks are in `page.html`."""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmark.cells import Cell, Column, Subject, Table
from benchmark.cost import duration
from benchmark.report import numbers
from benchmark.report.ablation import Curves, ablation_curves
from benchmark.report.charts import Chart, cost_chart, curve_chart, rank_chart
from benchmark.report.overview import overview
from benchmark.report.proxies import FEWEST, Pair, correlations, ranks
from benchmark.report.records import Index, json_block, load_line, records, unique_texts
from benchmark.report.wording import (
    chance_line,
    column_facts,
    domain_title,
    headline,
    interval_texts,
    pairing,
    published_facts,
    words,
)
from benchmark.statistics import summarise
from benchmark.store import RANDOM, SUPERVISED, Problem

HERE = Path(__file__).parent
TITLE = 'How well does it transfer?'
LARGE = 300
"""Cells above which a browser lays out only the sections that are in sight."""
MOST_COST_CHARTS = 24
MOST_CURVES = 40


@dataclass(frozen=True)
class Options:
    """What does not come from runs.

    Args:
        out: folder that the page will lie in.
        title: of the page.
        made: when, for people.
    """

    out: Path
    title: str
    made: str


def render(table: Table, problems: list[Problem], options: Options) -> str:
    """The page as text. Everything that comes from files is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters['soft'] = soft
    script = (HERE / 'page.js').read_text(encoding='utf-8')
    return environment.get_template('page.html').render(
        **context(table, problems, options),
        css=Markup((HERE / 'page.css').read_text(encoding='utf-8')),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def soft(text: str) -> Markup:
    """Escaped text that may break after underscores and slashes, where a browser would not break it."""
    return Markup(re.sub('([_/])', r'\1<wbr>', str(escape(text))))


def context(table: Table, problems: list[Problem], options: Options) -> dict[str, Any]:
    """Everything that the template names."""
    index = Index(table)
    domains = table.domains()
    pairs, more_pairs, few_pairs = correlations(table)
    return {
        'large': len(table.cells) > LARGE,
        'title': options.title,
        'made': options.made,
        'facts': _facts(table, problems),
        'headline': headline(table),
        'excluded': [problem for problem in problems if problem.excluded],
        'remarks': [problem for problem in problems if not problem.excluded],
        'overview': overview(table, index),
        'domains': [_domain(table, index, name, columns) for name, columns in domains.items()],
        'cost': _cost(table),
        'studies': _studies(table, index),
        'pairs': [_pair(pair, table, index) for pair in pairs],
        'more_pairs': more_pairs,
        'few_pairs': few_pairs,
        'fewest': FEWEST,
        'ranking': _ranking(table),
        'exposure': [_exposure(subject, table, index) for subject in table.subjects if subject.role != RANDOM],
        'records': json_block(records(table, options.out)),
        'chance': chance_line(table),
    }


def _facts(table: Table, problems: list[Problem]) -> list[tuple[str, str]]:
    left_out = sum(problem.excluded for problem in problems)
    controls = sum(subject.role == RANDOM for subject in table.subjects)
    return [
        *(
            (f'{number:,}', word + 's' * (number != 1))
            for number, word in (
                (len(table.runs), 'run'),
                (len(table.subjects) - controls, 'checkpoint'),
                (controls, 'random control'),
                (len(table.columns), 'protocol'),
            )
        ),
        (f'{left_out:,}', 'left out'),
    ]


def _domain(table: Table, index: Index, name: str, columns: list[Column]) -> dict[str, Any]:
    rows = [_row(cell, index) for column in columns for cell in table.column_cells(column)]
    return {
        'name': domain_title(name),
        'folder': name,
        'slug': 'domain-' + ''.join(c if c.isalnum() and c.isascii() else '-' for c in name),
        'rows': rows,
        'columns': [column_facts(column) for column in columns],
        'published': any(row['published'] for row in rows),
        'supervised': any(row['supervised'] for row in rows),
        'gpu': any(row['gpu'] for row in rows),
    }


def _row(cell: Cell, index: Index) -> dict[str, Any]:
    metric, gain, control = cell.column.metric, cell.gain, cell.controls.get(RANDOM)
    over_supervised = cell.gains.get(SUPERVISED)
    return {
        'checkpoint': cell.subject.label,
        'files': len(cell.subject.files),
        'role': cell.subject.role,
        'network': cell.subject.network,
        'column': column_facts(cell.column),
        'score': numbers.summary(cell.summary, metric),
        'score_value': cell.summary.mean,
        'others': _others(cell) if cell.column.features_only else [],
        'n': cell.summary.n,
        'equal': cell.summary.std == 0,
        'link': index.cells(cell),
        'control': numbers.summary(control.summary, metric) if control else '',
        'control_n': control.summary.n if control else 0,
        'control_value': control.summary.mean if control else '',
        'control_link': index.cells(control) if control else '',
        'gain': numbers.signed(gain.gain, metric) if gain else '',
        'gain_value': gain.gain if gain else '',
        'gain_link': index.cells(cell, control) if gain else '',
        'intervals': interval_texts(gain, metric) if gain else [],
        'pairing': pairing(gain) if gain else '',
        'verdict': words(cell),
        'supervised': numbers.signed(over_supervised.gain, metric) if over_supervised else '',
        'supervised_verdict': over_supervised.verdict if over_supervised else '',
        'supervised_link': index.cells(cell, cell.controls[SUPERVISED]) if over_supervised else '',
        'published': published_facts(cell),
        'wall': duration(cell.wall_seconds),
        'gpu': duration(cell.gpu_seconds) if cell.gpu_seconds else '',
        'cost_value': round(cell.gpu_seconds or cell.wall_seconds or 0, 2) or '',
    }


def _others(cell: Cell) -> list[str]:
    """Means of the proxies beside the one that the protocol names."""
    names = [name for name in cell.runs[0].result.scores if name != cell.column.metric]
    of = {name: [run.result.scores[name] for run in cell.runs if name in run.result.scores] for name in names}
    return [f'{name} {numbers.summary(summarise(values), name)}' for name, values in of.items()]


def _cost(table: Table) -> dict[str, Any]:
    """Charts of the protocols with the most checkpoints, and which of them have none."""
    cells = {column: [c for c in table.column_cells(column) if c.wall_seconds] for column in table.columns}
    able = [column for column in table.columns if len(cells[column]) > 1]
    chosen = set(sorted(able, key=lambda column: -len(cells[column]))[:MOST_COST_CHARTS])
    drawn = [column for column in able if column in chosen]
    charts = [cost_chart(column, cells[column], f'cost{i}') for i, column in enumerate(drawn)]
    single = [column.label for column in table.columns if column not in able]
    return {'charts': charts, 'hidden': [column.label for column in able if column not in chosen], 'single': single}


def _studies(table: Table, index: Index) -> dict[str, Any]:
    curves = ablation_curves(table)
    return {
        'curves': [_curve(found, index, f'curve{i}') for i, found in enumerate(curves[:MOST_CURVES])],
        'hidden': [found.title for found in curves[MOST_CURVES:]],
    }


def _curve(found: Curves, index: Index, name: str) -> dict[str, Any]:
    metric = found.column.metric
    chart: Chart = curve_chart(found.column, found.axis, found.lines, found.band, found.categories, found.title, name)
    rows = [
        {
            'line': line,
            'x': found.categories[int(point.x)] if found.categories else f'{point.x:g}',
            'score': numbers.score(point.mean, metric)
            + (f' ± {numbers.score(point.std, metric)}' if point.std is not None else ''),
            'n': point.n,
            'link': index.link(runs),
        }
        for line, points in found.lines.items()
        for point, runs in zip(points, found.runs[line], strict=True)
    ]
    control = None
    if found.band is not None:
        mean, std, n = found.band
        text = numbers.score(mean, metric) + (f' ± {numbers.score(std, metric)}' if std is not None else '')
        control = {'score': text, 'n': n, 'link': index.link(found.band_runs)}
    fixed = ', '.join(f'{label} {value}' for label, value in found.fixed.items())
    return {
        'chart': chart,
        'study': found.study,
        'axis': found.axis,
        'column': column_facts(found.column),
        'rows': rows,
        'control': control,
        'fixed': fixed,
        'hidden': found.hidden,
        'many': len(found.lines) > 1,
    }


def _pair(pair: Pair, table: Table, index: Index) -> dict[str, Any]:
    kept = set(pair.subjects)
    cells = [
        cell
        for column in (pair.proxy, pair.target)
        for cell in table.column_cells(column)
        if cell.subject.variant in kept
    ]
    return {
        'proxy': column_facts(pair.proxy),
        'metric': pair.metric,
        'target': column_facts(pair.target),
        'n': pair.spearman.n,
        'groups': pair.spearman.groups,
        'link': index.cells(*cells),
        'spearman': _correlation(pair.spearman),
        'kendall': _correlation(pair.kendall),
    }


def _correlation(found) -> dict[str, Any]:
    if found is None or found.value is None:
        return {'text': 'not computed' if found is None else 'constant', 'value': '', 'interval': '', 'p': ''}
    low_high = found.interval
    p = '' if found.p is None else f'{found.p:.3f}' if found.p >= 0.001 else '<0.001'
    return {
        'text': _two(found.value),
        'value': found.value,
        'interval': f'[{_two(low_high.low)}, {_two(low_high.high)}]' if low_high else 'no interval below 4',
        'p': p,
    }


def _two(value: float) -> str:
    return f'{value:+.2f}'.replace('-', numbers.MINUS)


def _ranking(table: Table) -> dict[str, Any] | None:
    found = ranks(table)
    if found is None:
        return None
    chart = None
    if found.critical_difference is not None and len(found.ranks) <= 40:
        chart = rank_chart(found, 'ranks')
    return {
        'chart': chart,
        'ranks': [(name, f'{rank:.2f}', rank) for name, rank in found.ranks.items()],
        'protocols': found.protocols,
        'friedman': f'{found.friedman.p:.3g}' if found.friedman else '',
        'difference': f'{found.critical_difference:.2f}' if found.critical_difference is not None else '',
        'alpha': found.alpha,
        'separated': len(found.cliques) != 1 or len(found.cliques[0]) != len(found.ranks),
    }


def _exposure(subject: Subject, table: Table, index: Index) -> dict[str, Any]:
    card = subject.card
    cells = [cell for column in table.columns if (cell := table.cell(subject, column)) is not None]
    runs = [run for cell in cells for run in cell.runs]
    loads = unique_texts([load_line(run.result.load_report) for run in runs], 'no load report')
    return {
        'label': subject.label,
        'link': index.link(runs),
        'runs': len(runs),
        'sha': ', '.join(sha[:12] for sha in subject.files[:4]) + (' …' if len(subject.files) > 4 else ''),
        'files': len(subject.files),
        'network': subject.network,
        'method': card.method if card else 'unknown',
        'data': (card.data_seen if card else None) or 'unknown',
        'teacher': (card.teacher_data if card else None) or 'none stated',
        'epochs': card.epochs if card and card.epochs is not None else 'unknown',
        'stage': card.initial_stage if card else 'unknown',
        'licence': (card.source_licence if card else None) or 'unknown',
        'source': Path(card.source_file).name if card and card.source_file else '',
        'notes': list(card.notes) if card else [],
        'load': loads,
    }
