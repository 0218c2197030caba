"""The same numbers as CSV for programs, as Markdown for a repository, and as LaTeX for a paper."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from benchmark.cells import Cell, Table
from benchmark.cost import duration
from benchmark.report import numbers
from benchmark.report.wording import chance_line, headline, published_facts, words
from benchmark.store import RANDOM, Problem

SCORES = (
    *('domain', 'protocol', 'version', 'protocol_hash', 'recipe', 'checkpoint', 'sha256', 'role', 'network', 'seed'),
    *('metric', 'score', 'is_protocol_metric', 'wall_seconds', 'gpu_seconds', 'finished', 'folder'),
)
GAINS = (
    *(
        'domain',
        'protocol',
        'version',
        'protocol_hash',
        'metric',
        'higher_is_better',
        'checkpoint',
        'sha256',
        'network',
    ),
    *('n', 'mean', 'std', 'control', 'n_control', 'control_mean', 'control_std', 'paired', 'n_compared', 'gain'),
    *('bootstrap_low', 'bootstrap_high', 't_low', 't_high', 'verdict', 'published', 'to_published'),
)
_LATEX = {
    **{c: '\\' + c for c in '&%$#_{}'},
    '\\': r'\textbackslash{}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}',
    '<': r'\textless{}',
    '>': r'\textgreater{}',
    numbers.MINUS: '$-$',
    '±': r'$\pm$',
    '…': r'\dots{}',
    **{c: f'{{{c}}}' for c in '[]'},  # after a line break a bracket would be its argument
}


def scores_csv(table: Table) -> str:
    """One row per run and metric, values as recorded."""
    rows = []
    for column in table.columns:
        for cell in table.column_cells(column):
            subject = cell.subject
            for run in cell.runs:
                result = run.result
                rows += [
                    [
                        *(column.domain, column.id, column.version, column.hash, column.recipe or 'as shipped'),
                        *(subject.label, result.start.sha256 or '', subject.role, subject.network, result.seed),
                        *(metric, value, int(metric == column.metric), result.cost.wall_seconds),
                        *(result.cost.gpu_seconds, result.finished, run.folder.as_posix()),
                    ]
                    for metric, value in result.scores.items()
                ]
    return _csv(SCORES, rows)


def gains_csv(table: Table) -> str:
    """One row per checkpoint, protocol and kind of control; a checkpoint without a control has one row without gain."""
    rows: list[list[Any]] = []
    for column in table.columns:
        for cell in table.column_cells(column):
            if cell.subject.role == RANDOM or column.features_only:
                continue
            own = [
                *(column.domain, column.id, column.version, column.hash, column.metric, int(column.higher_is_better)),
                *(cell.subject.label, ' '.join(cell.subject.files), cell.subject.network),
                *(cell.summary.n, cell.summary.mean, _empty(cell.summary.std)),
            ]
            found = cell.published
            of_others = [found.published.value, cell.summary.mean - found.published.value] if found else ['', '']
            for role, gain in cell.gains.items():
                control = cell.controls[role].summary
                ends = [
                    end
                    for interval in (gain.bootstrap, gain.student)
                    for end in ((interval.low, interval.high) if interval else ('', ''))
                ]
                rows.append(
                    [
                        *own,
                        *(role, control.n, control.mean, _empty(control.std), int(gain.paired), gain.n, gain.gain),
                        *(*ends, gain.verdict, *of_others),
                    ]
                )
            if not cell.gains:
                rows.append([*own, 'none', *[''] * 10, 'no control', *of_others])
    return _csv(GAINS, rows)


def markdown(table: Table, problems: Sequence[Problem], title: str, made: str) -> str:
    """Headline, one table per domain, what was left out."""
    lines = [f'# {_md(title)}', '', f'{headline(table)} {chance_line(table)}'.strip(), '', f'Made {made}.', '']
    for domain, columns in table.domains().items():
        lines += [f'## {_md(domain)}', '']
        heads = ['checkpoint', 'network', 'protocol', 'score', 'random init', 'gain', '95 % interval (t)', 'verdict']
        lines += [_md_row([*heads, 'to published', 'cost of a run']), _md_row(['---'] * 3 + ['---:'] * 4 + ['---'] * 3)]
        for cell in (cell for column in columns for cell in table.column_cells(column)):
            lines.append(_md_row([_md(text) for text in _texts(cell)]))
        lines.append('')
    excluded = [problem for problem in problems if problem.excluded]
    if excluded:
        lines += ['## Left out', '', *(f'- {_md(str(problem))}' for problem in excluded), '']
    remarks = [problem for problem in problems if not problem.excluded]
    if remarks:
        lines += ['## To be known', '', *(f'- {_md(str(problem))}' for problem in remarks), '']
    return '\n'.join(lines)


def latex(table: Table) -> str:
    """One booktabs table per domain, narrow enough for a page, to be put into a paper with `\\input`."""
    lines = ['% needs \\usepackage{booktabs}; scores of shares in percent, mean and standard deviation over n seeds']
    for domain, columns in table.domains().items():
        cells = [table.column_cells(column) for column in columns]
        networks = sorted({cell.subject.network for found in cells for cell in found})
        of_one = f', {_tex(networks[0])}' if len(networks) == 1 else ''
        lines += [
            '',
            r'\begin{table}',
            r'  \centering',
            rf'  \caption{{{_tex(domain)}{of_one}: gain over random initialisation with its 95\,\% t interval.}}',
            r'  \begin{tabular}{lrrrl}',
            r'    \toprule',
            r'    Checkpoint & Score ($n$) & Random init ($n$) & Gain & Verdict \\',
        ]
        for found in cells:
            lines.append(r'    \midrule')
            for i, cell in enumerate(found):
                name, network, label, score, control, gain, interval, verdict, *_ = _texts(cell)
                if i == 0:
                    lines.append(rf'    \multicolumn{{5}}{{l}}{{\emph{{{_tex(label)}}}}} \\')
                shown = name if of_one or cell.subject.role == RANDOM else f'{name} ({network})'
                texts = [shown, score, control, f'{gain} {interval}'.strip(), verdict]
                lines.append('    ' + ' & '.join(_tex(text) for text in texts) + r' \\')
        lines += [r'    \bottomrule', r'  \end{tabular}', r'\end{table}']
    return '\n'.join(lines) + '\n'


def _texts(cell: Cell) -> list[str]:
    """A row of the Markdown table, unescaped."""
    metric, gain, control = cell.column.metric, cell.gain, cell.controls.get(RANDOM)
    percent = f', {numbers.unit(metric)}' if numbers.unit(metric) else ''
    notes = f' [{"; ".join(cell.column.notes)}]' if cell.column.notes else ''
    published = published_facts(cell)
    beside = ''
    if published:
        beside = f'{published["difference"]} to {published["value"]} ({published["source"]})'
        beside += ''.join(f'; {note}' for note in published['notes'])
    cost = cell.gpu_seconds or cell.wall_seconds
    return [
        *(cell.subject.label, cell.subject.network, f'{cell.column.label} ({metric}{percent}){notes}'),
        f'{numbers.summary(cell.summary, metric)} (n={cell.summary.n})',
        f'{numbers.summary(control.summary, metric)} (n={control.summary.n})' if control else '',
        numbers.signed(gain.gain, metric) if gain else '',
        numbers.interval(gain.student, metric) if gain else '',
        words(cell),
        beside,
        duration(cost) + (' GPU' if cell.gpu_seconds else ''),
    ]


def _csv(heads: Sequence[str], rows: Iterable[Sequence]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow(heads)
    writer.writerows(rows)
    return buffer.getvalue()


def _empty(value: float | None) -> float | str:
    return '' if value is None else value


def _md(text: str) -> str:
    """Text that Markdown and the HTML in it take literally."""
    plain = ' '.join(text.split())
    plain = plain.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
    return re.sub(r'([\\`*_\[\]|~$])', r'\\\1', plain)


def _md_row(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _tex(text: str) -> str:
    return ''.join(_LATEX.get(character, character) for character in ' '.join(text.split()))
