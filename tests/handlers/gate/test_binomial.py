"""handlers/gate/binomial.py: the standard library's tail is scipy's."""

import pytest
from scipy import stats

from handlers.gate.binomial import at_most


@pytest.mark.parametrize("share", [1e-9, 0.02, 0.3, 0.5, 0.97, 1 - 1e-9])
@pytest.mark.parametrize("total", [1, 3, 40, 5000])
def test_tail_is_that_of_scipy(total, share):
    """From none to all, for chances small and great."""
    for count in {0, 1, total // 3, total // 2, total - 1, total}:
        assert at_most(count, total, share) == pytest.approx(stats.binom.cdf(count, total, share), rel=1e-8, abs=1e-300)


def test_ends_are_exact():
    """What always happens, and what never does."""
    assert at_most(0, 3, 0.0) == at_most(3, 3, 1.0) == 1.0
    assert at_most(2, 3, 1.0) == 0.0
