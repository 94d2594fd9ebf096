"""The ramp: it ends at the rate that an instance takes, and says how surely."""

import math
import random
from collections.abc import Callable

import pytest

from ops.errors import LoadError
from ops.load.driving import OK, Load, Result, Sample
from ops.scaling import ramp
from ops.scaling.fleet import Service
from ops.scaling.policies import Policy
from ops.scaling.ramp import Step, bounds, climb, step_of
from ops.scaling.simulation import simulate
from ops.scaling.traces import pattern


def instance(seed: int, seconds: float = 120) -> Callable[[float], Step]:
    """Return what driving a simulated instance gives, whose requests take 50 ms, one at a time."""

    def drive(rate: float) -> Step:
        trace = pattern("steady", 60 * rate, seconds / 3600, seed=seed + int(1000 * rate))
        outcome = simulate(trace, Policy("p", 1, 1), Service((0.05,), queue=50))
        waited = [Sample(0.0, 0.0, float(one), OK) for one in outcome.seconds]
        lost = [Sample(0.0, 0.0, 0.1, "429")] * outcome.num_failed
        return step_of(rate, Result("t", Load(seconds, rate=rate), [*waited, *lost]))

    return drive


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_is_what_the_instance_takes(seed: int) -> None:
    """M/D/1 of 50 ms holds a p95 of 200 ms up to about 12.3 a second; the interval holds that rate or nearly."""
    capacity = climb(instance(seed), 3.0, 200.0)

    assert capacity.step.rate == pytest.approx(12.3, rel=0.12)
    assert capacity.low <= capacity.step.rate <= capacity.high < 20
    assert capacity.step.p95 <= 200
    assert len(capacity.steps) <= 14


def test_a_first_rate_that_is_too_fast_is_halved() -> None:
    """The ramp goes down before it goes up."""
    capacity = climb(instance(1), 200.0, 200.0)

    assert capacity.step.rate == pytest.approx(12.3, rel=0.12)


def test_a_limit_that_nothing_holds_is_said() -> None:
    """A request takes 50 ms, so that no rate holds 40."""
    with pytest.raises(LoadError, match=r"no rate holds 40 ms: give a larger --p95, or a faster instance type"):
        climb(instance(1, 60), 10.0, 40.0)


def test_failures_count_whatever_the_latency() -> None:
    """One request of fifty that fails is too many, though the others were fast."""
    samples = [Sample(0.0, 0.0, 0.01, OK)] * 98 + [Sample(0.0, 0.0, 0.01, "429")] * 2

    step = step_of(5.0, Result("t", Load(1, rate=5), samples))

    assert not step.passes(100)
    assert step.surely_fails(100)


def test_bounds_hold_the_percentile_in_95_of_100() -> None:
    """Of samples whose p95 is known; and too few values bound nothing from above."""
    chance = random.Random(0)
    truth, held = -math.log(0.05), 0
    for _ in range(400):
        low, high = bounds(sorted(chance.expovariate(1.0) for _ in range(200)))
        held += low <= truth <= high

    assert held / 400 >= 0.93
    assert bounds([1.0] * 50)[1] == math.inf
    assert bounds([]) == (0.0, math.inf)


def test_capacity_lies_below_all_that_failed() -> None:
    """A lucky step beyond a rate that failed is not believed."""
    steps = [Step(rate, (1.0,), p95, p95 - 1, p95 + 1, 0.0) for rate, p95 in ((1, 50), (2, 150), (3, 90), (4, 200))]

    capacity = ramp.capacity(steps, 100.0)

    assert (capacity.step.rate, capacity.low, capacity.high) == (1, 1, 2)
