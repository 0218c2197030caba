"""`mimbench compare`: set two runs or checkpoints side by side."""

import argparse
import json
import sys
from dataclasses import asdict

HELP = """Compare two runs or checkpoints under every protocol that both have: scores, difference with interval and
verdict, and what else differs between them (config, options, versions, hardware, loading, data). A and B are run
directories, folders with runs of one checkpoint, or names of checkpoints whose runs lie in RUNS; there a name comes
before a folder that is called the same (./NAME). Results are verified, files of weights are not read.

examples:
  mimbench compare runs/mae-seed0 runs/mae-new-code-seed0
  mimbench compare mae beit runs"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('a', metavar='A', help='a run directory, or the name of a checkpoint')
    parser.add_argument('b', metavar='B', help='what is compared with A; a positive difference is in favour of B')
    parser.add_argument('runs', nargs='*', metavar='RUNS', help='folders of runs, for names')
    parser.add_argument('--json', action='store_true', help='machine-readable')


def run(args: argparse.Namespace) -> int:
    from benchmark.compare import compare

    found = compare(args.a, args.b, args.runs)
    for problem in found.problems:
        print(f'mimbench: warning: {problem}', file=sys.stderr)
    print(as_json(found) if args.json else as_text(found))
    return 0


def as_json(found) -> str:
    """Rows with all figures, and the lists of what differs."""
    rows = [
        {
            'protocol': row.column.id,
            'version': row.column.version,
            'hash': row.column.hash,
            'metric': row.column.metric,
            'higher_is_better': row.column.higher_is_better,
            'a': asdict(row.a),
            'b': asdict(row.b),
            'gain': asdict(row.gain),
            'verdict': row.verdict,
            'metrics': row.metrics,
        }
        for row in found.rows
    ]
    content = {
        'a': found.a.label,
        'b': found.b.label,
        'shared': rows,
        'apart': found.apart,
        'only_a': found.only_a,
        'only_b': found.only_b,
        'differences': [asdict(difference) for difference in found.differences],
        'problems': [str(problem) for problem in found.problems],
    }
    return json.dumps(content, indent=1)


def as_text(found) -> str:
    """A table of scores, one of other metrics, and one of what differs."""
    from benchmark.report import numbers

    lines = [f'A  {found.a.label}  ({found.a.name})', f'B  {found.b.label}  ({found.b.name})', '']
    rows = [['protocol', 'metric', 'A', 'B', 'B over A', '95 % (t)', 'verdict']]
    others = [['protocol', 'metric', 'A', 'B', 'B - A']]
    for row in found.rows:
        metric, unit = row.column.metric, numbers.unit(row.column.metric)
        rows.append(
            [
                *(row.column.id, f'{metric} {unit}'.strip()),
                *(f'{numbers.summary(side, metric)} (n={side.n})' for side in (row.a, row.b)),
                *(numbers.signed(row.gain.gain, metric), numbers.interval(row.gain.student, metric), row.verdict),
            ]
        )
        others += [
            [row.column.id, name, numbers.score(a, name), numbers.score(b, name), numbers.signed(b - a, name)]
            for name, (a, b) in row.metrics.items()
            if name != metric
        ]
    lines += _aligned(rows) if found.rows else ['no protocol was run by both with the same data and options']
    if len(others) > 1:
        lines += ['', 'Other metrics, means; which way is better is not recorded for them.', *_aligned(others)]
    for labels, words in (
        (found.apart, 'not compared, because the data or options differ'),
        (found.only_a, 'only in A'),
        (found.only_b, 'only in B'),
    ):
        lines += ['', f'{words}: {", ".join(labels)}'] if labels else []
    if not found.differences:
        return '\n'.join([*lines, '', 'Nothing else differs in what the runs recorded.'])
    lines += ['', 'What else differs']
    for difference in found.differences:
        lines += [
            f'{difference.fact}  ({difference.where})',
            f'  A  {difference.a or "-"}',
            f'  B  {difference.b or "-"}',
        ]
    return '\n'.join(lines)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  '.join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
