"""Rank correlations against scipy's examples, exact orders counted by hand, and degenerate cases."""

import numpy as np
import pytest
from scipy import stats

from benchmark.correlation import _kendall, rank_correlation
from pretrain.errors import UserError

pytestmark = pytest.mark.unit


def test_scipys_examples() -> None:
    """The first examples in the documentation of `scipy.stats.spearmanr` and `kendalltau`."""
    assert rank_correlation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]).value == pytest.approx(0.8207826816681233)
    found = rank_correlation([12, 2, 1, 12, 2], [1, 4, 7, 1, 0], 'kendall')
    assert found.value == pytest.approx(-0.47140452079103173)


@pytest.mark.parametrize('seed', range(5))
def test_ties_count_as_scipy_counts_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 4, 11), rng.integers(0, 4, 11)
    assert rank_correlation(x, y).value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert rank_correlation(x, y, 'kendall').value == pytest.approx(stats.kendalltau(x, y).statistic)


def test_p_counts_the_orders() -> None:
    """Of the 24 orders of four, two are perfect; of the six of three, two."""
    for kind in ('spearman', 'kendall'):
        four = rank_correlation([1, 2, 3, 4], [10, 20, 30, 40], kind)
        assert four.value == pytest.approx(1) and four.p == pytest.approx(2 / 24)
        assert rank_correlation([1, 2, 3], [3, 2, 1], kind).p == pytest.approx(2 / 6)
    x, y = np.random.default_rng(2).normal(size=(2, 7))
    assert rank_correlation(x, y, 'kendall').p == pytest.approx(stats.kendalltau(x, y, method='exact').pvalue)
    x, y = np.random.default_rng(0).normal(size=(2, 30))
    assert 0 < rank_correlation(x, x + y / 3).p < 0.001
    assert rank_correlation(x, y, 'kendall').p == pytest.approx(stats.kendalltau(x, y).pvalue, abs=0.02)


def test_few_items_have_no_interval() -> None:
    assert rank_correlation([1, 2], [1, 2]).value is None
    three = rank_correlation([1, 2, 3], [1, 3, 2])
    assert three.value == pytest.approx(0.5) and three.interval is None and three.resamples == 0
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]).interval is not None


def test_constant_sides_have_no_correlation() -> None:
    found = rank_correlation([0.5] * 6, [1, 2, 3, 4, 5, 6])
    assert (found.value, found.interval, found.p, found.n) == (None, None, None, 6)


def test_constant_resamples_are_dropped_and_counted() -> None:
    """One of five items differs from the rest: a resample lacks it with probability 0.8^5 = 0.328."""
    found = rank_correlation([0, 0, 0, 0, 1], [1, 2, 3, 4, 5], resamples=4000)
    assert found.resamples + found.dropped == 4000
    assert found.dropped / 4000 == pytest.approx(0.8**5, abs=0.03)
    assert np.isfinite([found.interval.low, found.interval.high]).all()


def test_the_interval_holds_the_value_and_repeats() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    for kind in ('spearman', 'kendall'):
        found = rank_correlation(x, y, kind)
        assert 0 < found.interval.low < found.value < found.interval.high < 1
        assert found == rank_correlation(x, y, kind)
    by_scipy = stats.bootstrap(
        (x, y), lambda a, b: stats.spearmanr(a, b).statistic, paired=True, vectorized=False, method='percentile',
        n_resamples=2000,
    ).confidence_interval  # fmt: skip
    found = rank_correlation(x, y)
    assert (found.interval.low, found.interval.high) == pytest.approx((by_scipy.low, by_scipy.high), abs=0.05)


def test_groups_of_one_are_no_groups() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 9))
    assert rank_correlation(x, y, groups=list('abcdefghi')) == rank_correlation(x, y)


def test_seeds_are_no_independent_witnesses() -> None:
    """Between four unrelated variants with three seeds of little spread p is seldom small; as twelve it often is."""
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(4), 3)
    grouped, alone, holds = 0, 0, 0
    for _ in range(60):
        x, y = (rng.normal(size=4)[names] + 0.1 * rng.normal(size=12) for _ in range(2))
        found = rank_correlation(x, y, groups=names, resamples=200)
        assert (found.n, found.groups) == (12, 4) and found.p >= 1 / 24
        grouped += found.p < 0.05
        alone += stats.spearmanr(x, y).pvalue < 0.05
        holds += found.interval.low < 0 < found.interval.high
    assert grouped <= 6 < 20 <= alone
    assert holds >= 40  # the bootstrap of four groups is too narrow, as its docstring says


def test_groups_change_places_as_blocks() -> None:
    """Four blocks in perfect order: of the 24 orders two, up and down, have a correlation as far from zero."""
    x = np.array([1, 2, 11, 12, 21, 22, 31, 32])
    assert rank_correlation(x, x, groups=[0, 0, 1, 1, 2, 2, 3, 3]).p == pytest.approx(1 / 24)
    flat = np.repeat([1.0, 2.0, 3.0, 4.0], 2)
    assert rank_correlation(flat, flat, groups=[0, 0, 1, 1, 2, 2, 3, 3]).p == pytest.approx(2 / 24)


def test_groups_of_different_sizes_have_an_interval_and_no_p() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 9))
    found = rank_correlation(x, x + y / 9, groups=[0, 0, 0, 1, 1, 2, 3, 3, 4])
    assert found.p is None and 0 < found.interval.low < 0.9 and found.resamples + found.dropped == 2000


def test_kendall_in_parts_is_kendall() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2, 90, 300))  # 90 rows of 300 items do not fit one part
    expected = [stats.kendalltau(a, b).statistic for a, b in zip(x[:3], y[:3], strict=True)]
    found = _kendall(x, y)
    assert found.shape == (90,) and found[:3] == pytest.approx(expected)
    assert _kendall(x[0], y)[0] == pytest.approx(expected[0])


def test_bad_input_is_refused() -> None:
    with pytest.raises(UserError, match='allowed: spearman, kendall'):
        rank_correlation([1, 2], [1, 2], 'pearson')
    with pytest.raises(UserError, match='one of each'):
        rank_correlation([1, 2, 3], [1, 2])
    with pytest.raises(UserError, match='one of each'):
        rank_correlation([1, 2, 3], [1, 2, 3], groups=[0, 1])
    with pytest.raises(UserError, match='NaN'):
        rank_correlation([1, 2, np.nan], [1, 2, 3])
