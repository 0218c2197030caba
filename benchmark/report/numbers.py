"""How figures are written: the same everywhere, with a sign where the sign is the message."""

import math

from benchmark.statistics import Gain, Interval, Summary

MINUS = '\u2212'
MOST_DECIMALS = 6
SHARES = frozenset(
    (
        *('top1', 'top5', 'top1_vote', 'mean_class_top1', 'accuracy', 'balanced_accuracy', 'auc', 'auc_macro'),
        *('AP25', 'AP50', 'mAP'),
        *('mIoU', 'mAcc', 'aAcc', 'instance_miou', 'class_miou', 'dice', 'dice_eight'),
    )
)
"""Metrics between 0 and 1 that papers give in percent, as they do the APs of boxes and masks. The page shows
them so; CSV files keep what the runs recorded."""


def is_share(metric: str) -> bool:
    """Whether a metric is shown in percent; so is its spread over folds, `<metric>_std`."""
    name = metric.removesuffix('_std')
    return name in SHARES or name.startswith(('bbox_AP', 'segm_AP'))


def unit(metric: str) -> str:
    """'%' for shares, else nothing."""
    return '%' if is_share(metric) else ''


def scaled(value: float, metric: str) -> float:
    """The value in the unit that is shown."""
    return 100 * value if is_share(metric) else value


def score(value: float, metric: str) -> str:
    """`51.25` for a share of 0.5125; other metrics get four digits that count."""
    return _plain(scaled(value, metric), metric)


def signed(value: float, metric: str) -> str:
    """`+3.40` or `−0.21`, in the unit of the metric; a zero has no sign."""
    text = _plain(abs(scaled(value, metric)), metric)
    if not float(text.replace(MINUS, '-')):  # an exponent has a sign too
        return text
    return ('+' if value > 0 else MINUS) + text


def summary(found: Summary, metric: str) -> str:
    """`51.25 ± 0.40`; a single score has no spread. Of no share the spread has two digits that count."""
    if found.std is None:
        return score(found.mean, metric)
    if is_share(metric) or not found.std > 0:
        return f'{score(found.mean, metric)} ± {score(found.std, metric)}'
    decimals = min(max(1 - math.floor(math.log10(found.std)), 0), MOST_DECIMALS)
    return f'{found.mean:.{decimals}f} ± {found.std:.{decimals}f}'.replace('-', MINUS)


def interval(found: Interval | None, metric: str) -> str:
    """`[−0.10, +6.90]`, or nothing."""
    return '' if found is None else f'[{signed(found.low, metric)}, {signed(found.high, metric)}]'


def name_of(found: Interval) -> str:
    """What an interval is called in a narrow column."""
    return {'percentile bootstrap': 'bootstrap', 'Student t': 't', 'Welch t': 'Welch t'}.get(found.method, found.method)


def sizes(found: Gain) -> str:
    """`n=3`, or `n=3 vs 2` where the sides differ."""
    return f'n={found.n}' if found.n == found.n_control else f'n={found.n} vs {found.n_control}'


def count(number: int, word: str, plural: str = '') -> str:
    """`1 run`, `3 runs`."""
    return f'{number:,} {word if number == 1 else plural or word + "s"}'


def _plain(value: float, metric: str) -> str:
    text = f'{value:.2f}' if is_share(metric) else f'{value:.4g}'
    return text.replace('-', MINUS)
