"""Comparing several checkpoints over several protocols by ranks, after Demšar 2006 (JMLR 7, pages 1-30).

Scores of different protocols have no common unit; their ranks have. Everything is deterministic.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmark.statistics import SEED
from pretrain.errors import UserError

ALPHA = 0.05
MOST_ORDERS = 100_000
"""Ways to order the checkpoints up to which all are tried."""
PERMUTATIONS = 10_000
CHUNK = 500
"""Permutations in memory at once."""


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of the hypothesis that all checkpoints are equal.

    Attributes:
        chi2: Friedman's statistic.
        p: of a permutation test: the share of all ways to order the checkpoints within each protocol whose statistic is
            at least as large; exact where these are few. The published approximations by chi-squared and F (Iman and
            Davenport 1980) give p = 0 where two protocols order three checkpoints alike; one in six does.
    """

    chi2: float
    p: float


@dataclass(frozen=True)
class RankComparison:
    """Average ranks of checkpoints over the protocols that all of them have; 1 is the best.

    Attributes:
        ranks: average rank by checkpoint, best first.
        protocols: those that were used, in the order given.
        left_out: by protocol, the checkpoints whose score it lacks.
        friedman, critical_difference: None with fewer than two checkpoints or protocols.
        cliques: groups of checkpoints that are not separated, best first: the bars of a critical-difference diagram.
        alpha: level of the test and of the critical difference.
    """

    ranks: dict[str, float]
    protocols: tuple[str, ...]
    left_out: dict[str, tuple[str, ...]]
    friedman: Friedman | None
    critical_difference: float | None
    cliques: list[tuple[str, ...]]
    alpha: float


def compare_ranks(
    scores: Mapping[str, Mapping[str, float]],
    higher_is_better: Mapping[str, bool],
    checkpoints: Sequence[str] | None = None,
    alpha: float = ALPHA,
) -> RankComparison:
    """Average ranks, Friedman's test, Nemenyi's critical difference and the cliques that it leaves.

    A post-hoc test follows only a rejected hypothesis (Demšar, section 3.2.2): where Friedman's test does not reject at
    `alpha`, all checkpoints are one clique. The tests take protocols as independent, which those that share data or a
    domain are not, and Nemenyi's is an approximation that wants about ten protocols; with few of them hardly anything
    can be separated, and that is the honest answer.

    Args:
        scores: `{protocol: {checkpoint: score}}`, usually means over seeds. A protocol that lacks a checkpoint, or has
            NaN for it, is left out.
        higher_is_better: by protocol.
        checkpoints: those to compare; None takes all that occur.

    Raises UserError when a name is given twice, when no protocol has all checkpoints, or without a direction.
    """
    names = list(dict.fromkeys(name for row in scores.values() for name in row)) if checkpoints is None else checkpoints
    if len(set(names)) != len(names):
        raise UserError(f'checkpoints {list(names)}: a name occurs twice; name every checkpoint once')
    absent = {p: tuple(n for n in names if not math.isfinite(row.get(n, math.nan))) for p, row in scores.items()}
    left_out = {protocol: missing for protocol, missing in absent.items() if missing}
    used = tuple(protocol for protocol in scores if protocol not in left_out)
    if not used or not names:
        example = next(iter(left_out.items()), ('none', ()))
        raise UserError(
            f'no protocol has a score of all of {list(names)}; {example[0]} lacks {", ".join(example[1])}: '
            'run what is missing, or compare fewer checkpoints'
        )
    unknown = [protocol for protocol in used if protocol not in higher_is_better]
    if unknown:
        raise UserError(f'higher_is_better does not say which way {unknown[0]} counts; add it')
    table = np.array([[scores[p][n] for n in names] for p in used], dtype=np.float64)
    ranks = rank_rows(table, [higher_is_better[p] for p in used])
    average = dict(sorted(zip(names, ranks.mean(0).tolist(), strict=True), key=lambda item: item[1]))
    test = width = None
    groups = [tuple(average)] if len(names) > 1 else []
    if min(ranks.shape) > 1:
        test, width = friedman(ranks), critical_difference(len(names), len(used), alpha)
        if test.p < alpha:
            groups = cliques(average, width)
    return RankComparison(average, used, left_out, test, width, groups, alpha)


def rank_rows(scores: np.ndarray, higher_is_better: Sequence[bool]) -> np.ndarray:
    """Ranks `(N, k)` of the scores `(N, k)` of `k` checkpoints under `N` protocols; 1 is best, ties share the mean."""
    sign = np.where(np.asarray(higher_is_better, dtype=bool), -1.0, 1.0)
    return stats.rankdata(np.asarray(scores, dtype=np.float64) * sign[:, None], axis=1)


def friedman(ranks: np.ndarray) -> Friedman:
    """Friedman's test on ranks `(N, k)`, both at least 2; the formula is Demšar's, section 3.2.2.

    chi2 = 12 N / (k (k+1)) (sum_j R_j^2 - k (k+1)^2 / 4), R_j being average ranks, without scipy's correction for ties.
    """
    n, k = ranks.shape
    average = ranks.mean(0)
    chi2 = 12 * n / (k * (k + 1)) * (float((average**2).sum()) - k * (k + 1) ** 2 / 4)
    return Friedman(chi2, _permutation_p(ranks))


def _permutation_p(ranks: np.ndarray) -> float:
    """Of Friedman's statistic, which grows with the sum of squared rank sums."""
    n, k = ranks.shape
    least = float((ranks.sum(0) ** 2).sum()) - 1e-9
    if math.factorial(k) ** (n - 1) <= MOST_ORDERS:
        orders = np.array(list(itertools.permutations(range(k))))
        sums = ranks[:1]  # one protocol may keep its order, since only that of the others beside it counts
        for row in ranks[1:]:
            sums = (sums[:, None] + row[orders]).reshape(-1, k)
        return float(((sums**2).sum(1) >= least).mean())
    rng = np.random.default_rng(SEED)
    drawn = (rng.permuted(np.broadcast_to(ranks, (CHUNK, n, k)), axis=2).sum(1) for _ in range(PERMUTATIONS // CHUNK))
    reached = sum(int(((sums**2).sum(1) >= least).sum()) for sums in drawn)
    return (1 + reached) / (1 + PERMUTATIONS)  # what was found is one of those that chance could give


def critical_difference(k: int, n: int, alpha: float = ALPHA) -> float:
    """Nemenyi's: average ranks of `k` checkpoints over `n` protocols that differ by at least this are separated.

    q_alpha sqrt(k (k+1) / (6 n)); q_alpha is the upper quantile of the studentised range of `k` means with infinite
    degrees of freedom, divided by sqrt(2) (Demšar, section 3.2.2 and table 5a: 2.569 for k=4, alpha=0.05).
    """
    q = stats.studentized_range.ppf(1 - alpha, k, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(k * (k + 1) / (6 * n)))


def cliques(ranks: Mapping[str, float], difference: float) -> list[tuple[str, ...]]:
    """The largest groups of names whose average ranks lie less than `difference` apart, best first.

    A name that is separated from all others is in no group; a name may be in two groups, which means that the data do
    not tell where it belongs.
    """
    names = sorted(ranks, key=lambda name: ranks[name])
    groups: list[tuple[str, ...]] = []
    reached = 0
    for first, name in enumerate(names):
        end = first + sum(ranks[other] - ranks[name] < difference for other in names[first:])
        if end > max(reached, first + 1):
            groups.append(tuple(names[first:end]))
            reached = end
    return groups
