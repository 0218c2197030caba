"""Do cheap proxies order encoders as fine-tuned scores do? And which checkpoints may be ranked together?"""

import re
from dataclasses import dataclass

from benchmark.cells import Column, Table
from benchmark.correlation import Correlation, rank_correlation
from benchmark.ranks import RankComparison, compare_ranks
from benchmark.store import CHECKPOINT, RANDOM

_PROBE = re.compile(r'(?:^|-)(?:knn|linear|attentive|svm)(?:-|$)')
FEWEST = 3
MOST_PAIRS = 60
MOST_FOR_KENDALL = 60
"""Encoders up to which Kendall's tau is computed: its resampling takes time with the square of their number."""
FEWEST_CHECKPOINTS, FEWEST_PROTOCOLS = 3, 2
MOST_KINDS = 60
"""Of sets of protocols that checkpoints have; all pairs of them are looked at."""


Encoder = tuple[str, str | None]
"""Variant of a checkpoint and sha256 of the file: a study makes several encoders of one checkpoint, one a seed."""


@dataclass(frozen=True)
class Pair:
    """A proxy and a fine-tuned score of the same encoders.

    Attributes:
        proxy: the column that was cheap, and `metric` of it.
        subjects: variants of the checkpoints that the encoders belong to, seeds of pre-training to one.
        kendall: None for more than `MOST_FOR_KENDALL` encoders.
    """

    proxy: Column
    metric: str
    target: Column
    subjects: tuple[str, ...]
    spearman: Correlation
    kendall: Correlation | None


def is_proxy(column: Column) -> bool:
    """k-NN, a probe of frozen features, or a protocol that measures features alone."""
    return column.features_only or _PROBE.search(column.id) is not None


def correlations(table: Table) -> tuple[list[Pair], int, int]:
    """Pairs with at least three checkpoints, those with the most encoders first; how many more there are than are
    computed; and how many pairs have too few checkpoints. Controls take no part: they would make any proxy look good.
    """
    proxies = {
        (column.key, metric): means
        for column in table.columns
        if is_proxy(column)
        for metric, means in _means(table, column).items()
    }
    columns = {column.key: column for column in table.columns}
    candidates = []
    few = 0
    for (key, metric), cheap in proxies.items():
        for target in table.columns:
            if is_proxy(target):
                continue
            scores = _means(table, target).get(target.metric, {})
            shared = [encoder for encoder in cheap if encoder in scores]
            if len({subject for subject, _ in shared}) >= FEWEST:
                candidates.append((columns[key], metric, target, shared, cheap, scores))
            elif shared:
                few += 1
    candidates.sort(key=lambda c: (-len(c[3]), c[2].label, c[0].label, c[1]))
    found = []
    for proxy, metric, target, shared, cheap, scores in candidates[:MOST_PAIRS]:
        x, y = [cheap[encoder] for encoder in shared], [scores[encoder] for encoder in shared]
        of_encoder = [subject for subject, _ in shared]
        kendall = rank_correlation(x, y, 'kendall', of_encoder) if len(shared) <= MOST_FOR_KENDALL else None
        spearman = rank_correlation(x, y, 'spearman', of_encoder)
        found.append(Pair(proxy, metric, target, tuple(dict.fromkeys(of_encoder)), spearman, kendall))
    return found, len(candidates) - len(found), few


def ranks(table: Table) -> RankComparison | None:
    """Average ranks over the largest block of checkpoints and protocols without a gap; None where there is none of
    three checkpoints and two protocols. Proxies that measure features alone are no scores and take no part.
    """
    columns = [column for column in table.columns if not column.features_only]
    labels = {subject.key: subject.label for subject in table.subjects if subject.role != RANDOM}
    present = {
        column.label: {
            labels[c.subject.key]: c.summary.mean for c in table.column_cells(column) if c.subject.key in labels
        }
        for column in columns
    }
    chosen = _block(present)
    if chosen is None:
        return None
    names, protocols = chosen
    scores = {protocol: {name: present[protocol][name] for name in names} for protocol in protocols}
    return compare_ranks(scores, {column.label: column.higher_is_better for column in columns}, names)


def _block(present: dict[str, dict[str, float]]) -> tuple[list[str], list[str]] | None:
    """The largest number of scores in a complete block: all protocols of one checkpoint, or those that two checkpoints
    share, and every checkpoint that has them.
    """
    protocols = {
        name: frozenset(p for p, row in present.items() if name in row) for row in present.values() for name in row
    }
    kinds = sorted(set(protocols.values()), key=lambda kind: (-len(kind), sorted(kind)))[:MOST_KINDS]
    best: tuple[list[str], frozenset[str]] = ([], frozenset())
    for shared in dict.fromkeys(a & b for a in kinds for b in kinds):
        names = [name for name, has in protocols.items() if has >= shared]
        enough = len(names) >= FEWEST_CHECKPOINTS and len(shared) >= FEWEST_PROTOCOLS
        if enough and len(names) * len(shared) > len(best[0]) * len(best[1]):
            best = names, shared
    return (best[0], [protocol for protocol in present if protocol in best[1]]) if best[0] else None


def _means(table: Table, column: Column) -> dict[str, dict[Encoder, float]]:
    """Of a column, by metric, the mean over runs by encoder. A probe has the metric that its protocol names."""
    found: dict[str, dict[Encoder, list[float]]] = {}
    for cell in table.column_cells(column):
        if cell.subject.role != CHECKPOINT:
            continue
        metrics = sorted(cell.runs[0].result.scores) if column.features_only else [column.metric]
        for run in cell.runs:
            encoder = cell.subject.variant, run.result.start.sha256
            for metric in metrics:
                if metric in run.result.scores:
                    found.setdefault(metric, {}).setdefault(encoder, []).append(run.result.scores[metric])
    return {
        metric: {encoder: sum(values) / len(values) for encoder, values in rows.items()}
        for metric, rows in found.items()
    }
