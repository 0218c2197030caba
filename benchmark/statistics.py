"""Scores over seeds: mean, spread, and the gain of a checkpoint over its control with intervals and a verdict.

Plain numbers in, plain numbers out; nothing here knows of run directories. Everything is deterministic.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pretrain.errors import UserError

LEVEL = 0.95
RESAMPLES = 9999
SEED = 0
"""Of the resampling: the same scores give the same interval to the last bit."""


@dataclass(frozen=True)
class Summary:
    """Of `n` scores: the mean, and the sample standard deviation (ddof 1), which is None for a single score."""

    mean: float
    std: float | None
    n: int


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes:
        method: how it was computed: 'percentile bootstrap', 'Student t', 'Welch t'.
    """

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class Gain:
    """By how much a checkpoint is better than its control.

    Attributes:
        gain: difference of the means in units of the score; positive is better, also where lower scores are better.
        paired: whether runs of the same seed were compared with each other.
        n, n_control: runs of the checkpoint and of the control that were compared; equal when paired.
        left_out: seeds whose runs were not compared, because the other side lacks them; only when paired.
        bootstrap: percentile bootstrap interval; None without two runs on each side.
        student: Student's t interval of the paired differences, or Welch's of unpaired runs; None where `bootstrap`
            is, and where there is no spread.
        verdict: 'helps', 'hurts', or 'undecided at n=3' ('n=3 and 2' when unpaired and unequal).
    """

    gain: float
    paired: bool
    n: int
    n_control: int
    left_out: tuple[int, ...]
    bootstrap: Interval | None
    student: Interval | None
    verdict: str


def summarise(values: Sequence[float] | np.ndarray) -> Summary:
    """Mean, sample standard deviation and number of scores. Raises UserError for none, and for NaN or infinity."""
    x = _finite(values, 'scores')
    return Summary(float(x.mean()), float(x.std(ddof=1)) if len(x) > 1 else None, len(x))


def gain(
    scores: Mapping[int, float],
    control: Mapping[int, float],
    higher_is_better: bool = True,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Gain:
    """The gain of a checkpoint over its control, each `{seed: score}`.

    Where two or more seeds exist on both sides, runs of the same seed are paired and the other runs are left out;
    otherwise all runs are compared unpaired.

    The bootstrap interval (Efron and Tibshirani 1993, chapter 13) resamples the paired differences, or both sides
    independently. It is too narrow for few seeds: of three differences it excludes zero as soon as they have one sign,
    which happens to one comparison in four without any effect. Over 20,000 simulated comparisons of normal scores
    without effect, the 95 % interval of pairs excluded zero in 50 % at n=2, 26 % at n=3, 16 % at n=5, 10 % at n=10.

    So the verdict asks more: 'helps' or 'hurts' needs both the bootstrap and the t interval to exclude zero. The same
    comparisons were then decided, wrongly, in 5.1 % at n=2, 5.1 % at n=3, 5.2 % at n=5 and 5.1 % at n=10; unpaired in
    2 to 5 %; up to 7 % where the differences are strongly skewed. The price is power: at n=3 the mean gain must be 2.5
    times the standard deviation of the differences. With fewer than two runs on a side, or when
    all differences are equal (the seed changes nothing, so that the spread is unknown), it is always undecided.

    Each verdict is a test of its own at `1 - level`: among twenty cells without effect one is wrong on average.

    Args:
        level: of both intervals, in (0, 1).
        resamples: of the bootstrap.

    Raises UserError for an empty side and for scores that are NaN or infinite.
    """
    sign = 1.0 if higher_is_better else -1.0
    common = sorted(set(scores) & set(control))
    if len(common) > 1:
        x = _finite([scores[seed] for seed in common], 'scores')
        y = _finite([control[seed] for seed in common], 'scores of the control')
        left_out = tuple(sorted(set(scores) ^ set(control)))
        difference = sign * (x - y)
        student = _student(difference, level)
        bootstrap = _bootstrap([difference], level, resamples)
        verdict = _verdict(bootstrap, student, f'n={len(x)}')
        mean = float(difference.mean())
        return Gain(mean, True, len(x), len(y), left_out, bootstrap, student, verdict)
    x = sign * _finite([scores[seed] for seed in sorted(scores)], 'scores')
    y = sign * _finite([control[seed] for seed in sorted(control)], 'scores of the control')
    welch = enough = None
    if min(len(x), len(y)) > 1:
        welch, enough = _welch(x, y, level), _bootstrap([x, y], level, resamples)
    size = f'n={len(x)}' if len(x) == len(y) else f'n={len(x)} and {len(y)}'
    mean = float(x.mean() - y.mean())
    return Gain(mean, False, len(x), len(y), (), enough, welch, _verdict(enough, welch, size))


def _finite(values: Sequence[float] | np.ndarray, what: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        raise UserError(f'{what}: there are none; compare finished runs only')
    if not np.isfinite(array).all():
        raise UserError(f'{what}: {array.tolist()} holds NaN or infinity; leave out runs that failed')
    return array


def _without_spread(*samples: np.ndarray) -> bool:
    """Equal up to the rounding of differences of floats."""
    size = max(float(np.abs(x).max()) for x in samples)
    return all(float(np.ptp(x)) <= 1e-12 * max(size, 1.0) for x in samples)


def _bootstrap(samples: Sequence[np.ndarray], level: float, resamples: int) -> Interval:
    """Percentile interval of the mean of one sample, or of the difference of the means of two."""
    rng = np.random.default_rng(SEED)
    means = [x[rng.integers(0, len(x), (resamples, len(x)))].mean(1) for x in samples]
    values = means[0] if len(means) == 1 else means[0] - means[1]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, 'percentile bootstrap')


def _student(difference: np.ndarray, level: float) -> Interval | None:
    """The interval behind the paired t test: mean ± t_{n-1} s / sqrt(n)."""
    if _without_spread(difference):
        return None
    n = len(difference)
    half = stats.t.ppf((1 + level) / 2, n - 1) * difference.std(ddof=1) / math.sqrt(n)
    return Interval(float(difference.mean() - half), float(difference.mean() + half), level, 'Student t')


def _welch(x: np.ndarray, y: np.ndarray, level: float) -> Interval | None:
    """Welch 1947: no equal variances assumed, degrees of freedom after Satterthwaite."""
    if _without_spread(x, y):
        return None
    vx, vy = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    freedom = (vx + vy) ** 2 / (vx**2 / (len(x) - 1) + vy**2 / (len(y) - 1))
    half = stats.t.ppf((1 + level) / 2, freedom) * math.sqrt(vx + vy)
    middle = x.mean() - y.mean()
    return Interval(float(middle - half), float(middle + half), level, 'Welch t')


def _verdict(bootstrap: Interval | None, student: Interval | None, size: str) -> str:
    if bootstrap is not None and student is not None:
        if min(bootstrap.low, student.low) > 0:
            return 'helps'
        if max(bootstrap.high, student.high) < 0:
            return 'hurts'
    return f'undecided at {size}'
