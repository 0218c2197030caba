"""Do cheap proxies order encoders as expensive scores do? Rank correlations, with what a few of them allow."""

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmark.statistics import LEVEL, SEED, Interval
from pretrain.errors import UserError

KINDS = ('spearman', 'kendall')
RESAMPLES = 2000
PERMUTATIONS = 9999
EXACT = 7
"""Groups up to which all orders are tried: 5040."""
FEWEST = 4
"""Groups below which there is no interval: of three, most resamples hold two different ones or fewer."""


@dataclass(frozen=True)
class Correlation:
    """A rank correlation over `n` encoders.

    Attributes:
        kind: 'spearman', or 'kendall' for tau-b.
        value: in [-1, 1]; None where one side is constant or there are fewer than three items.
        groups: of encoders that differ in the seed of pre-training alone; `n` where each is its own.
        interval: percentile bootstrap over the groups; None for fewer than four groups or without `value`.
        resamples: those that the interval is from.
        dropped: those that had one constant side, so that they have no correlation; not among `resamples`.
        p: two-sided, of a permutation test: the share of orders of the groups with a correlation at least as far from
            zero; exact up to seven groups. None without `value`, or for groups of different sizes.
    """

    kind: str
    value: float | None
    n: int
    groups: int
    interval: Interval | None
    resamples: int
    dropped: int
    p: float | None


def rank_correlation(
    proxy: Sequence[float] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    kind: str = 'spearman',
    groups: Sequence[Hashable] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Correlation:
    """Spearman's rho or Kendall's tau-b between a proxy and the scores of the same `(n,)` encoders.

    Args:
        groups: of each encoder, what it shares with those that only had another seed of pre-training; such encoders are
            no independent witnesses. The bootstrap takes whole groups with replacement, and the permutation test
            exchanges whole groups. None: each encoder is its own group.

    A proxy that should be small, such as a loss, correlates negatively when it is good. For few groups read `p` beside
    the interval: four encoders in perfect order give the interval [1, 1], while chance alone orders them perfectly, one
    way or the other, in one case of twelve. Between unrelated normal numbers the 95 % interval of rho excluded zero in
    about 12 % of the cases at n=5 and 4 to 6 % from n=8 on; p was below 0.05 in 1 % at n=5, where few orders exist, and
    4 to 5 % from n=8 on.

    Raises UserError for an unknown kind, different lengths, and NaN or infinity.
    """
    if kind not in KINDS:
        raise UserError(f'kind is {kind!r}; allowed: {", ".join(KINDS)}')
    x, y = np.asarray(proxy, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    n = len(x)
    of_item = list(range(n)) if groups is None else list(groups)
    if x.shape != y.shape or x.ndim != 1 or len(of_item) != n:
        raise UserError(f'a proxy of shape {x.shape} and scores of shape {y.shape}; give one of each per encoder')
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UserError('a proxy or a score is NaN or infinite; leave out that encoder')
    members = [np.array([i for i in range(n) if of_item[i] == name]) for name in dict.fromkeys(of_item)]
    measure = _spearman if kind == 'spearman' else _kendall
    if n < 3 or math.isnan(value := float(measure(x, y[None])[0])):
        return Correlation(kind, None, n, len(members), None, 0, 0, None)
    interval, kept, dropped = None, np.empty(0), 0
    if len(members) >= FEWEST:
        found = np.concatenate([measure(x[index], y[index]) for index in _resampled(members, resamples)])
        kept = found[~np.isnan(found)]
        dropped = resamples - len(kept)
        if len(kept):
            low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
            interval = Interval(float(low), float(high), level, 'percentile bootstrap')
    p = _permutation_p(measure, x, y, value, members)
    return Correlation(kind, value, n, len(members), interval, len(kept), dropped, p)


def _resampled(members: Sequence[np.ndarray], resamples: int) -> list[np.ndarray]:
    """Indices of the items of groups drawn with replacement, `(R, length)` for every length that occurs."""
    drawn = np.random.default_rng(SEED).integers(0, len(members), (resamples, len(members)))
    of_length: dict[int, list[np.ndarray]] = {}
    for row in drawn:
        index = np.concatenate([members[group] for group in row])
        of_length.setdefault(len(index), []).append(index)
    return [np.stack(rows) for rows in of_length.values()]


def _permutation_p(
    measure: Callable, x: np.ndarray, y: np.ndarray, value: float, members: Sequence[np.ndarray]
) -> float | None:
    """Blocks of `y` change places; within a group the seeds keep their order."""
    if len({len(items) for items in members}) > 1:
        return None
    blocks, n = np.stack(members), len(members)
    if n <= EXACT:
        orders = np.array(list(itertools.permutations(range(n))))
    else:
        rng = np.random.default_rng(SEED)
        # The order that was found is one of those that chance could give, so p is never 0 (Davison and Hinkley 1997).
        orders = np.concatenate([np.arange(n)[None], rng.permuted(np.tile(np.arange(n), (PERMUTATIONS, 1)), axis=1)])
    found = measure(x[blocks.ravel()], y[blocks[orders].reshape(len(orders), -1)])
    return float((np.abs(found) >= abs(value) - 1e-12).mean())


def _spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the ranks of each row, ties averaged; NaN for a constant row. `x` may be one row."""
    x, y = (stats.rankdata(np.atleast_2d(a), axis=1) for a in (x, y))
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    return _ratio((x * y).sum(1), (x**2).sum(1) * (y**2).sum(1))


def _kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tau-b of each row (Kendall 1945); NaN for a constant row. `x` may be one row."""
    rows = max(1, (1 << 22) // y.shape[1] ** 2)  # signs of all pairs take memory
    if len(y) > rows:
        parts = range(0, len(y), rows)
        return np.concatenate([_kendall(x[i : i + rows] if x.ndim == 2 else x, y[i : i + rows]) for i in parts])
    first, second = np.triu_indices(y.shape[1], 1)
    x, y = (np.sign(a[:, first] - a[:, second]) for a in (np.atleast_2d(x), y))
    return _ratio((x * y).sum(1), (x**2).sum(1) * (y**2).sum(1))


def _ratio(product: np.ndarray, squares: np.ndarray) -> np.ndarray:
    with np.errstate(invalid='ignore'):
        return np.where(squares > 0, product / np.sqrt(squares), np.nan)
