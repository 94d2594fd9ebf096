"""training/champion/paired.py: exact tests and intervals of two classifiers on the same pictures."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from training.champion import paired
from training.champion.paired import Pairs, difference_interval, holm, mcnemar, worse


@pytest.mark.parametrize(
    ("won", "lost", "expected"), [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 2 / 2**5), (1, 6, 2 * 8 / 2**7), (6, 1, 16 / 2**7)]
)
def test_mcnemar_counts_the_pictures_that_one_alone_gets_right(won: int, lost: int, expected: float) -> None:
    """Coins of a fair game, worked out by hand."""
    assert mcnemar(Pairs(40, won, lost)) == pytest.approx(expected)


def test_worse_looks_to_one_side() -> None:
    """A candidate that is better is not worse by any evidence."""
    assert worse(Pairs(40, 0, 5)) == pytest.approx(1 / 2**5)
    assert worse(Pairs(40, 5, 0)) == 1.0


def test_score_at_no_difference_is_mcnemars() -> None:
    """Tango's score of "no difference" is McNemar's (b - c) / sqrt(b + c)."""
    assert paired._score(Pairs(90, 12, 5), 0.0) == pytest.approx(7 / math.sqrt(17))


def _likeliest_lost_share(pairs: Pairs, delta: float) -> float:
    """Return by search what the closed form gives."""
    counts = np.array([pairs.candidate_alone, pairs.champion_alone, 0.0])
    counts[2] = pairs.num_images - counts.sum()

    def improbability(share: float) -> float:
        shares = np.maximum([share + delta, share, 1 - 2 * share - delta], 1e-300)
        return -float((counts * np.log(shares)).sum())

    bounds = max(0.0, -delta), (1 - delta) / 2
    return float(minimize_scalar(improbability, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)


@pytest.mark.parametrize("pairs", [Pairs(20, 3, 1), Pairs(200, 3, 30), Pairs(50, 20, 20), Pairs(1000, 1, 2)])
@pytest.mark.parametrize("delta", [-0.3, -0.01, 0.0, 0.02, 0.4])
def test_closed_form_finds_the_likeliest_shares(pairs: Pairs, delta: float) -> None:
    """scipy's search of the constrained likelihood comes to the same share."""
    assert paired._lost_share(pairs, delta) == pytest.approx(_likeliest_lost_share(pairs, delta), abs=1e-5)


@pytest.mark.parametrize("num", [1, 10, 381])
def test_two_that_never_differ_have_an_interval(num: int) -> None:
    """Ten pictures on which both agree prove little: the interval is as wide as Wilson's of none of ten."""
    low, high = difference_interval(Pairs(num, 0, 0))

    assert high == pytest.approx(stats.binomtest(0, num).proportion_ci(method="wilson").high)
    assert low == pytest.approx(-high)


def test_no_picture_proves_nothing() -> None:
    """Neither better nor worse, by any difference there is."""
    assert difference_interval(Pairs(0, 0, 0)) == (-1.0, 1.0)


@pytest.mark.parametrize("pairs", [Pairs(5, 0, 5), Pairs(5, 5, 0), Pairs(1, 1, 0)])
def test_interval_ends_at_the_ends_of_what_is_possible(pairs: Pairs) -> None:
    """A difference lies within -1 and 1, and the interval holds what was measured."""
    low, high = difference_interval(pairs)

    assert -1 <= low <= pairs.difference <= high <= 1


@pytest.mark.parametrize(("agreement", "better", "num"), [(0.9, 0.02, 60), (0.97, -0.01, 300), (0.8, 0.0, 20)])
def test_interval_holds_the_truth_in_about_95_of_100_tests(agreement: float, better: float, num: int) -> None:
    """Over every possible test of two classifiers whose difference is known, by the exact probability of each."""
    won, lost = (1 - agreement + better) / 2, (1 - agreement - better) / 2
    covered = 0.0
    for alone in range(num + 1):
        chance = stats.binom.pmf(alone, num, won + lost)
        if chance < 1e-7:
            continue
        for wins in range(alone + 1):
            low, high = difference_interval(Pairs(num, wins, alone - wins))
            covered += (low <= better <= high) * chance * stats.binom.pmf(wins, alone, won / (won + lost))

    assert 0.93 <= covered <= 0.985


def test_holm_is_that_of_the_field() -> None:
    """The example of Holm's step-down: each is multiplied by how many are left, and none falls below one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
