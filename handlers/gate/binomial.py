"""The exact binomial tail, which the functions have no package for; a test holds it to scipy's."""

import math


def at_most(count: int, total: int, share: float) -> float:
    """Return the probability of `count` or fewer of `total`, each with the chance `share`."""
    if share <= 0 or count >= total:
        return 1.0
    if share >= 1:
        return 0.0
    return min(1.0, math.fsum(math.exp(_log_chance(each, total, share)) for each in range(count + 1)))


def _log_chance(count: int, total: int, share: float) -> float:
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return ways + count * math.log(share) + (total - count) * math.log1p(-share)
