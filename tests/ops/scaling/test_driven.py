"""The simulator is held to an endpoint that really scaled: bench/bench_scaling.py drove it and kept driven.json."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.scaling.fleet import Service
from ops.scaling.policies import Policy, TargetTracking
from ops.scaling.simulation import Outcome, simulate
from ops.scaling.traces import Trace

DRIVEN: dict[str, Any] = json.loads((Path(__file__).parent / "driven.json").read_text())


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Give what the simulator makes of the requests that were sent, with the bench's policy."""
    trace = Trace("driven", np.array(DRIVEN["trace"]), len(DRIVEN["instances"]))
    service = Service(
        tuple(DRIVEN["alone"]), 2, start_seconds=DRIVEN["start_seconds"], metric_minutes=0, timeout_seconds=3600
    )
    return simulate(trace, Policy("p", 1, 4, TargetTracking(18, 60, 120)), service)


@pytest.mark.parametrize(("percent", "error"), [(50, 0.1), (95, 0.15), (99, 0.2)])
def test_times_are_those_that_were_driven(outcome: Outcome, percent: float, error: float) -> None:
    """In a traffic of which a quarter waited for more instances; the error is what docs/experiments.md states."""
    ordered = sorted(DRIVEN["seconds"])
    real = ordered[math.ceil(len(ordered) * percent / 100) - 1]

    assert outcome.percentile(percent) == pytest.approx(real, rel=error)


def test_instances_come_and_go_when_they_did(outcome: Outcome) -> None:
    """In the same minute, from one to two, four, and back to one."""
    simulated = [math.ceil(minute.instances - 0.5) for minute in outcome.minutes]

    apart = [
        number for number, (ours, real) in enumerate(zip(simulated, DRIVEN["instances"], strict=True)) if ours != real
    ]
    assert len(apart) <= 1
    assert sum(minute.instances for minute in outcome.minutes) == pytest.approx(sum(DRIVEN["instances"]), rel=0.05)
    assert (outcome.num_failed, DRIVEN["num_failed"]) == (0, 0)
