"""The simulator: waiting as queueing theory has it, every request accounted for, instances that come late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.errors import LoadError
from ops.scaling.fleet import Service
from ops.scaling.policies import Policy, TargetTracking
from ops.scaling.simulation import simulate
from ops.scaling.traces import of_counts, pattern


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_workers_queue_waits_as_theory_says(load: float) -> None:
    """M/D/1: the mean wait is load / (2 (1 - load)) times the work. Source: Pollaczek-Khinchine formula."""
    work = 0.1
    trace = pattern("steady", 60 * load / work, hours=4, seed=3)

    outcome = simulate(trace, Policy("p", 1, 1), Service((work,), queue=10_000, timeout_seconds=1e6))

    expected = work + work * load / (2 * (1 - load))
    assert outcome.seconds.mean() == pytest.approx(expected, rel=0.05)


def test_two_workers_wait_as_theory_says() -> None:
    """M/M/2 at 0.7 of what it can: the mean wait is that of Erlang's C. Source: Erlang's formula."""
    work = 0.1
    drawn = tuple(np.random.default_rng(0).exponential(work, 20_000))
    trace = pattern("steady", 60 * 2 * 0.7 / work, hours=6, seed=4)

    outcome = simulate(trace, Policy("p", 1, 1), Service(drawn, workers=2, queue=10_000, timeout_seconds=1e6))

    mean, busy = float(np.mean(drawn)), len(trace.seconds) / (trace.hours * 3600) * float(np.mean(drawn)) / 2
    waits = 2 * busy**2 / (1 + busy)  # the share that waits
    assert outcome.seconds.mean() == pytest.approx(mean + waits * mean / (2 * (1 - busy)), rel=0.05)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(0, 400), min_size=1, max_size=40),
    queue=st.integers(0, 5),
    limit=st.integers(0, 6),
    target=st.integers(1, 100),
)
def test_every_request_has_one_end(counts: list[int], queue: int, limit: int, target: int) -> None:
    """Answered, refused, throttled or late, whatever the traffic; the minutes say the same as the whole."""
    trace = of_counts("t", counts)
    service = Service((0.2, 1.5), queue=queue, start_seconds=90, timeout_seconds=1.2, function_concurrency=limit)

    outcome = simulate(trace, Policy("p", 1, 5, TargetTracking(target, 30, 30)), service)

    assert outcome.num_requests == sum(counts)
    assert sum(minute.arrived for minute in outcome.minutes) == sum(counts)
    assert sum(minute.failed for minute in outcome.minutes) == outcome.num_failed
    assert all(1 <= minute.instances <= minute.billed <= 5 for minute in outcome.minutes)
    assert (outcome.seconds <= 1.2).all()


def test_an_instance_comes_when_it_has_started() -> None:
    """Three minutes are counted, one passes until they are there, and the start takes its time: paid, not serving."""
    trace = of_counts("t", [100] * 15)
    service = Service((0.1,), start_seconds=240, metric_minutes=1)

    outcome = simulate(trace, Policy("p", 1, 2, TargetTracking(50, 60, 60)), service)

    assert [minute.instances for minute in outcome.minutes] == [1] * 8 + [2] * 7
    assert [minute.billed for minute in outcome.minutes] == [1] * 4 + [2] * 11
    assert outcome.instance_hours == pytest.approx(26 / 60)


def test_full_queues_refuse() -> None:
    """One at work and two waiting; the fourth at the same time is refused."""
    trace = of_counts("t", [4])
    trace.seconds[:] = 1.0

    outcome = simulate(trace, Policy("p", 1, 1), Service((1.0,), queue=2))

    assert (outcome.num_refused, sorted(outcome.seconds)) == (1, [1.0, 2.0, 3.0])


def test_lambdas_limit_throttles_before_the_endpoint() -> None:
    """With two predictions at one time the third gets 429, though the endpoint has room."""
    trace = of_counts("t", [3])
    trace.seconds[:] = 1.0

    outcome = simulate(trace, Policy("p", 4, 4), Service((1.0,), function_concurrency=2))

    assert (outcome.num_throttled, outcome.num_refused, len(outcome.seconds)) == (1, 0, 2)


def test_a_caller_who_gave_up_is_late() -> None:
    """The instance works on for nobody, so that the next one waits for it."""
    trace = of_counts("t", [3])
    trace.seconds[:] = 1.0

    outcome = simulate(trace, Policy("p", 1, 1), Service((2.0,), timeout_seconds=2.5))

    assert (outcome.num_late, outcome.seconds.tolist()) == (2, [2.0])


@pytest.mark.parametrize(
    "values", [{"seconds": ()}, {"seconds": (0.0,)}, {"workers": 0}, {"queue": -1}, {"start_seconds": float("nan")}]
)
def test_an_impossible_instance_is_refused(values: dict[str, object]) -> None:
    """The sentence names what was wrong."""
    with pytest.raises(LoadError, match="; give"):
        Service(**{"seconds": (0.1,), **values})  # type: ignore[arg-type]
