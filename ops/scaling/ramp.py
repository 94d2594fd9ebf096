"""Finds the rate that an instance takes while p95 stays below a limit: faster and faster, then ever closer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ops.errors import LoadError
from ops.load.driving import Result, percentile

MOST_FAILED = 0.01  # of a step's requests
LEAST_REQUESTS = 200  # of a step: fewer bound p95 only loosely
_FASTER, _CLOSE_ENOUGH = 1.5, 1.08
_MOST_STEPS = 24
_BOUNDING_STEPS, _BEYOND = 3, 1.2
_SURE = 0.95


@dataclass(frozen=True)
class Step:
    """One rate, driven for a while: p95 with the interval in which it surely is, and the share that failed."""

    rate: float  # a second and instance
    latencies: tuple[float, ...]  # ms, sorted
    p95: float
    low: float
    high: float
    failed: float

    def passes(self, limit: float) -> bool:
        """Tell whether p95 was below the limit and nearly all were answered."""
        return self.failed <= MOST_FAILED and self.p95 <= limit

    def surely_passes(self, limit: float) -> bool:
        """Tell whether that is no chance."""
        return self.failed <= MOST_FAILED and self.high <= limit

    def surely_fails(self, limit: float) -> bool:
        """Tell whether the contrary is no chance."""
        return self.failed > MOST_FAILED or self.low > limit


@dataclass(frozen=True)
class Capacity:
    """The greatest rate that passed below all that failed, and between which rates the true one surely is."""

    steps: tuple[Step, ...]
    limit: float
    step: Step
    low: float
    high: float  # infinite when nothing failed for certain

    @property
    def bounded_high(self) -> float:
        """Return the upper end, or else the greatest rate that was tried."""
        return self.high if math.isfinite(self.high) else max(step.rate for step in self.steps)


def step_of(rate: float, result: Result) -> Step:
    """Return what came of driving a rate."""
    latencies = result.latencies_ms()
    low, high = bounds(latencies)
    failed = 1 - result.num_ok / len(result.samples) if result.samples else 1.0
    return Step(rate, tuple(latencies), percentile(latencies, 95), low, high, failed)


def bounds(ordered: Sequence[float], percent: float = 95.0) -> tuple[float, float]:
    """Return between which of the values a percentile of the whole surely lies; infinite where they are too few.

    Source: the distribution-free interval of a quantile: so many of n values lie below it as heads among n coins.
    """
    from scipy.stats import binom

    number, share = len(ordered), percent / 100
    first = int(binom.ppf((1 - _SURE) / 2, number, share)) if number else 0
    last = int(binom.ppf((1 + _SURE) / 2, number, share)) + 1 if number else 1
    return (ordered[first - 1] if first else 0.0), (ordered[last - 1] if last <= number else math.inf)


def climb(drive: Callable[[float], Step], first: float, limit: float) -> Capacity:
    """Return the capacity; `drive` sends a rate for a while. At most 24 steps.

    Raises:
        LoadError: not even a hundredth of the first rate passes.
    """
    steps: list[Step] = []
    good, bad, rate = 0.0, math.inf, first
    while len(steps) < _MOST_STEPS and (good == 0 or bad / good > _CLOSE_ENOUGH):
        steps.append(drive(rate))
        if steps[-1].passes(limit):
            good = max(good, rate)
        else:
            bad = min(bad, rate)
        if good == 0 and rate < first / 100:
            last = steps[-1]
            raise LoadError(
                f"p95 {last.p95:.0f} ms at {60 * rate:.2g} requests a minute, {100 * last.failed:.0f} % failed; no "
                f"rate holds {limit:g} ms: give a larger --p95, or a faster instance type"
            )
        rate = rate / 2 if good == 0 else rate * _FASTER if bad == math.inf else math.sqrt(good * bad)
    for _ in range(_BOUNDING_STEPS):  # so that the upper end is known too
        if any(step.surely_fails(limit) for step in steps):
            break
        bad *= _BEYOND
        steps.append(drive(bad))
    return capacity(steps, limit)


def capacity(steps: Sequence[Step], limit: float) -> Capacity:
    """Return what the steps say together."""
    failing = min((step.rate for step in steps if not step.passes(limit)), default=math.inf)
    best = max((step for step in steps if step.rate < failing), key=lambda step: step.rate)
    high = min((step.rate for step in steps if step.surely_fails(limit)), default=math.inf)
    sure = [step.rate for step in steps if step.surely_passes(limit) and step.rate < high]
    return Capacity(tuple(sorted(steps, key=lambda step: step.rate)), limit, best, max(sure, default=0.0), high)
