"""Sentences and facts that the page, Markdown and LaTeX share: verdicts, headline, names, intervals."""

from collections import Counter
from functools import cache
from typing import Any

from benchmark.cells import Cell, Column, Table
from benchmark.report import numbers
from benchmark.store import CHECKPOINT, RANDOM

DOMAIN_TITLES = {
    'classification': 'Image classification',
    'det_mmdetection': 'Detection',
    'det_detectron2': 'Detection (detectron2)',
    'seg_mmsegmentation': 'Segmentation',
    'video': 'Video',
    'pointcloud': 'Point clouds',
    'medical': 'Medical imaging',
}
RECIPES = {
    'recipe changed': 'the recipe was changed: it is not as shipped',
    'imported': 'imported from a log: neither weights nor protocol were verified',
    'own config': 'not a protocol as shipped: it is from another config',
}


def domain_title(domain: str) -> str:
    """What a domain is called in a heading; a folder that nobody knows keeps its name."""
    return DOMAIN_TITLES.get(domain, domain)


def words(cell: Cell) -> str:
    """The verdict of a cell, in words: 'helps', 'hurts', 'undecided at n=2', 'no control', 'control' or 'proxy'."""
    if cell.column.features_only:
        return 'proxy'
    if cell.subject.role == RANDOM:
        return 'control'
    return cell.gain.verdict if cell.gain else 'no control'


def headline(table: Table) -> str:
    """How many cells pre-training helps in, hurts in, and leaves open."""
    found = Counter(words(cell).split(' at ')[0] for cell in table.cells.values() if cell.subject.role == CHECKPOINT)
    del found['proxy']
    total = sum(found.values())
    if not total:
        return 'No checkpoint was measured on a task yet, only controls or proxies.'
    compared = total - found['no control']
    lacking = f'{found["no control"]} more cannot be compared, as no random control was run.'
    if not compared:
        return f'Nothing can be said of pre-training yet: {lacking.replace(" more", "", 1)}'
    comparisons = numbers.count(compared, 'comparison')
    text = (
        f'Pre-training helps in {found["helps"]} of {comparisons} with random initialisation, hurts in {found["hurts"]}'
    )
    text += f' and is undecided in {found["undecided"]}.'
    return f'{text} {lacking[0].upper()}{lacking[1:]}' if found['no control'] else text


def chance_line(table: Table) -> str:
    """What to expect of so many verdicts if nothing had an effect."""
    verdicts = sum(cell.gain is not None and cell.gain.student is not None for cell in table.cells.values())
    if verdicts < 2:
        return ''
    expected = 0.05 * verdicts
    return (
        f'Each verdict is a test of its own at 5 %: of {verdicts} such cells, {expected:.1f} on average would be '
        'decided by chance alone if pre-training had no effect at all.'
    )


@cache
def column_facts(column: Column) -> dict[str, Any]:
    return {
        'id': column.id,
        'label': column.label,
        'version': column.version,
        'hash': column.hash[:12],
        'notes': [RECIPES.get(note, note) for note in column.notes],
        'short_notes': column.notes,
        'metric': column.metric,
        'unit': numbers.unit(column.metric),
        'arrow': '↑' if column.higher_is_better else '↓',
        'direction': 'higher is better' if column.higher_is_better else 'lower is better',
        'domain': column.domain,
    }


def interval_texts(gain, metric: str) -> list[tuple[str, str]]:
    """Both intervals of a gain with their names, the t interval first: for few seeds it is the honest one."""
    found = [interval for interval in (gain.student, gain.bootstrap) if interval is not None]
    return [(numbers.name_of(interval), numbers.interval(interval, metric)) for interval in found]


def pairing(gain) -> str:
    """How the runs were compared, where that is not simply by their common seeds, and what was not compared."""
    if not gain.paired:
        return f'unpaired, {numbers.sizes(gain)}'
    left = f'; seeds {", ".join(map(str, gain.left_out))} only on one side' if gain.left_out else ''
    return f'paired by seed, n={gain.n}{left}' if left else ''


def published_facts(cell: Cell) -> dict[str, Any] | None:
    """Distance of the mean to the published score; None where there is none of the same protocol."""
    found = cell.published
    if found is None:
        return None
    metric = cell.column.metric
    epochs = {False: 'other number of epochs of pre-training', None: 'epochs of pre-training not compared'}
    notes = [epochs.get(found.same_epochs, ''), '' if found.same_size else 'data not compared']
    notes.append(found.published.protocol_note)
    difference = cell.summary.mean - found.published.value
    return {
        'value': numbers.score(found.published.value, metric),
        'difference': numbers.signed(difference, metric),
        'difference_value': difference,
        'source': found.published.source,
        'notes': [note for note in notes if note],
    }
