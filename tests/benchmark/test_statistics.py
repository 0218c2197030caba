"""Intervals against worked examples, and how often a verdict is wrong when there is nothing to find."""

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import gain, summarise
from pretrain.errors import UserError

pytestmark = pytest.mark.unit


def by_seed(values, first: int = 0) -> dict[int, float]:
    return dict(enumerate(map(float, values), first))


def test_mean_and_sample_standard_deviation() -> None:
    found = summarise([2, 4, 4, 4, 5, 5, 7, 9])  # squares of the deviations sum to 32
    assert (found.mean, found.n) == (5, 8)
    assert found.std == pytest.approx((32 / 7) ** 0.5)
    assert summarise([0.7]).std is None
    with pytest.raises(UserError, match='NaN'):
        summarise([0.1, float('nan')])
    with pytest.raises(UserError, match='none'):
        summarise([])


def test_student_interval_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, s 1; t(0.975, 2) is 4.303 in every table, and 4.303 / sqrt(3) = 2.484."""
    found = gain(by_seed([11, 22, 33]), by_seed([10, 20, 30]))
    assert found.gain == pytest.approx(2) and found.paired
    assert found.student.low == pytest.approx(2 - 2.484, abs=1e-3)
    assert found.student.high == pytest.approx(2 + 2.484, abs=1e-3)
    assert found.student.method == 'Student t'


def test_welch_interval_is_scipys() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(1, 1, 6), rng.normal(0, 3, 4)
    found = gain(by_seed(x), by_seed(y, first=100))
    expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.95)
    assert (found.student.low, found.student.high) == pytest.approx((expected.low, expected.high))
    assert not found.paired and (found.n, found.n_control) == (6, 4)
    assert found.verdict == 'undecided at n=6 and 4'


@pytest.mark.parametrize('paired', [True, False])
def test_bootstrap_interval_is_scipys(paired: bool) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(1, 1, 12), rng.normal(0, 1, 12)
    found = gain(by_seed(x), by_seed(y, first=0 if paired else 50), resamples=20000)
    if paired:
        expected = stats.bootstrap((x - y,), np.mean, n_resamples=20000, method='percentile')
    else:
        expected = stats.bootstrap((x, y), lambda a, b, axis: a.mean(axis) - b.mean(axis), method='percentile')
    low, high = expected.confidence_interval
    assert (found.bootstrap.low, found.bootstrap.high) == pytest.approx((low, high), abs=0.06)


def test_equal_scores_give_equal_intervals() -> None:
    x, y = by_seed([0.71, 0.73, 0.70]), by_seed([0.65, 0.66, 0.68])
    assert gain(x, y) == gain(dict(reversed(x.items())), y)


def test_the_verdict_does_not_trust_the_bootstrap_of_three_seeds() -> None:
    """Three gains of one sign: the bootstrap excludes zero, which chance does in one case of four."""
    found = gain(by_seed([0.71, 0.73, 0.70]), by_seed([0.70, 0.69, 0.685]))
    assert found.bootstrap.low > 0 > found.student.low
    assert found.verdict == 'undecided at n=3'


def test_verdicts_and_the_direction_of_the_score() -> None:
    high, low = by_seed([0.80, 0.82, 0.81]), by_seed([0.60, 0.61, 0.62])
    assert gain(high, low).verdict == 'helps'
    assert gain(low, high).verdict == 'hurts'
    assert gain(low, high, higher_is_better=False).verdict == 'helps'
    assert gain(low, high, higher_is_better=False).gain == pytest.approx(0.2)
    apart = gain(low, by_seed(high.values(), first=9), higher_is_better=False)
    assert apart.verdict == 'helps' and apart.gain == pytest.approx(0.2) and not apart.paired


def test_what_can_never_be_decided() -> None:
    single = gain({0: 0.9}, {0: 0.1})
    assert single.verdict == 'undecided at n=1' and single.bootstrap is None and single.student is None
    assert gain({0: 0.9}, {1: 0.1, 2: 0.2, 3: 0.1}).verdict == 'undecided at n=1 and 3'
    repeated = gain({0: 0.3, 1: 0.3, 2: 0.3}, {0: 0.1, 1: 0.1, 2: 0.1})
    assert repeated.verdict == 'undecided at n=3' and repeated.student is None
    constant = gain({0: 0.3, 1: 0.3}, {5: 0.1, 6: 0.1})
    assert constant.verdict == 'undecided at n=2'


def test_pairs_are_runs_of_one_seed() -> None:
    """Scores differ more between seeds than between the two sides: only pairs show the gain."""
    control = {0: 0.1, 1: 0.5, 2: 0.9, 7: 0.0}
    found = gain({2: 0.951, 0: 0.15, 1: 0.549, 3: 0.2}, control)
    assert found.verdict == 'helps' and found.left_out == (3, 7) and found.n == 3
    assert found.gain == pytest.approx(0.05)
    assert gain({12: 0.951, 10: 0.15, 11: 0.549}, control).verdict == 'undecided at n=3 and 4'


def test_bad_scores_are_refused() -> None:
    with pytest.raises(UserError, match='control'):
        gain({0: 0.1}, {})
    with pytest.raises(UserError, match='NaN'):
        gain({0: 0.1, 1: float('inf')}, {0: 0.1, 1: 0.2})


@pytest.mark.parametrize('n', [3, 5, 10])
def test_without_effect_verdicts_are_wrong_as_often_as_stated(n: int) -> None:
    """2,000 comparisons: the standard error of 5 % is 0.5 %."""
    rng = np.random.default_rng(n)
    decided = excluded = 0
    for x, y in rng.normal(size=(2000, 2, n)):
        found = gain(by_seed(x), by_seed(y), resamples=599)
        decided += found.verdict in ('helps', 'hurts')
        excluded += found.bootstrap.low > 0 or found.bootstrap.high < 0
    assert 0.03 < decided / 2000 < 0.065
    assert excluded / 2000 > {3: 0.22, 5: 0.12, 10: 0.07}[n], 'the docstring says that the bootstrap is too narrow'
