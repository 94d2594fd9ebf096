"""Two classifiers on the same pictures: is one better, and by how much, from the pictures on which one alone is right.

The exact test of McNemar is a binomial test, which scipy has; SageMaker's PyTorch training images hold scipy.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

_Z_95 = 1.959964  # 97.5 % quantile of the normal distribution


class Pairs(NamedTuple):
    """How many pictures both saw, and on how many of them one alone was right."""

    num_images: int
    candidate_alone: int
    champion_alone: int

    @property
    def difference(self) -> float:
        """Return the candidate's accuracy less the champion's, as a fraction."""
        return (self.candidate_alone - self.champion_alone) / self.num_images if self.num_images else 0.0


def mcnemar(pairs: Pairs) -> float:
    """Return the exact two-sided p-value of "both are right equally often"; 1 where they never differ.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions, 1947.
    """
    return _binomial_test(pairs.candidate_alone, pairs, "two-sided")


def worse(pairs: Pairs) -> float:
    """Return the exact one-sided p-value of "the candidate is right at least as often"."""
    return _binomial_test(pairs.champion_alone, pairs, "greater")


def difference_interval(pairs: Pairs) -> tuple[float, float]:
    """Return the 95 % interval of the difference in accuracy; (-1, 1) without a picture.

    By score, so that it is right for few pictures too, and has a width where the two never differ.
    Source: Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, 1998.
    """
    from scipy.optimize import brentq

    if not pairs.num_images:
        return -1.0, 1.0
    middle = pairs.difference
    low = -1.0 if _score(pairs, -1.0) <= _Z_95 else brentq(lambda delta: _score(pairs, delta) - _Z_95, -1.0, middle)
    high = 1.0 if _score(pairs, 1.0) >= -_Z_95 else brentq(lambda delta: _score(pairs, delta) + _Z_95, middle, 1.0)
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold for all of a family together, in the same order.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _binomial_test(count: int, pairs: Pairs, alternative: str) -> float:
    from scipy.stats import binomtest

    total = pairs.candidate_alone + pairs.champion_alone
    return float(binomtest(count, total, 0.5, alternative=alternative).pvalue) if total else 1.0


def _score(pairs: Pairs, delta: float) -> float:
    """Return how many standard errors the difference lies above `delta`, were that the true one."""
    num, won, lost = pairs
    gap = won - lost - num * delta
    variance = num * (2 * _lost_share(pairs, delta) + delta * (1 - delta))
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def _lost_share(pairs: Pairs, delta: float) -> float:
    """Return the likeliest share of pictures that the champion alone gets right, were `delta` the true difference."""
    num, won, lost = pairs
    linear = (2 * num - won + lost) * delta - won - lost
    constant = -lost * delta * (1 - delta)
    root = math.sqrt(max(0.0, linear**2 - 8 * num * constant))
    return max(0.0, -delta, (root - linear) / (4 * num))
