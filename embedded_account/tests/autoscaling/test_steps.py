"""Step scaling without an account. Source: Application Auto Scaling user guide, "Step scaling policies"."""

from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.autoscaling.scaling import Scaling
from embedded_account.autoscaling.steps import adjusted, check
from embedded_account.autoscaling.targets import STEPS, Policy, Target
from embedded_account.errors import ServiceError
from embedded_account.metrics import series_key

_OUT = [
    {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3},
]
_IN = [
    {"MetricIntervalLowerBound": -20, "MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
    {"MetricIntervalUpperBound": -20, "ScalingAdjustment": -2},
]


def _config(kind: str = "ChangeInCapacity", steps: Any = None, **more: Any) -> dict[str, Any]:
    return {"AdjustmentType": kind, "StepAdjustments": steps or _OUT, **more}


@pytest.mark.parametrize(("breach", "expected"), [(0.0, 5), (19.9, 5), (20.0, 7), (500.0, 7), (-1.0, None)])
def test_step_is_chosen_by_how_far_the_metric_is(breach: float, expected: int | None) -> None:
    """Above the threshold the lower bound belongs to a step; no step, no change."""
    assert adjusted(_config(), 4, breach) == expected


@pytest.mark.parametrize(("breach", "expected"), [(0.0, None), (-0.1, 3), (-19.9, 3), (-20.0, 2), (-90.0, 2)])
def test_below_the_threshold_the_upper_bound_belongs_to_a_step(breach: float, expected: int | None) -> None:
    """The bound that is nearer to the threshold is the one that belongs to it, or none would be for -20."""
    assert adjusted(_config(steps=_IN), 4, breach) == expected


@pytest.mark.parametrize(
    ("current", "percent", "expected"), [(10, 25, 12), (3, 10, 4), (10, -25, 8), (3, -10, 2), (4, 50, 6), (0, 50, 0)]
)
def test_percentages_are_rounded_as_aws_rounds_them(current: int, percent: int, expected: int) -> None:
    """Towards zero, but never to no change."""
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": percent}]

    assert adjusted(_config("PercentChangeInCapacity", steps), current, 1.0) == expected


def test_least_magnitude_and_exact_capacity() -> None:
    """A percentage changes at least so much; an exact capacity heeds nothing of what there is."""
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 10}]

    assert adjusted(_config("PercentChangeInCapacity", steps, MinAdjustmentMagnitude=2), 4, 1.0) == 6
    assert adjusted(_config("ExactCapacity", steps), 4, 1.0) == 10


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"AdjustmentType": "Double", "StepAdjustments": _OUT}, "AdjustmentType: 'Double'"),
        ({"AdjustmentType": "ChangeInCapacity"}, "At least one StepAdjustment"),
        (_config(MinAdjustmentMagnitude=2), "only valid with AdjustmentType PercentChangeInCapacity"),
        (_config(steps=[*_OUT, {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 1}]), "overlapping intervals"),
        (_config(steps=[_OUT[0], {"MetricIntervalLowerBound": 30, "ScalingAdjustment": 1}]), "a gap between them"),
        (
            _config(steps=[{"MetricIntervalLowerBound": 2, "MetricIntervalUpperBound": 1, "ScalingAdjustment": 1}]),
            "must be below its upper bound",
        ),
    ],
)
def test_steps_that_make_no_sense_are_refused(config: dict[str, Any], message: str) -> None:
    """Before the policy is put."""
    with pytest.raises(ServiceError, match=message):
        check(config)


class Concurrency:
    """A function that takes any provisioned concurrency at once: what Lambda would do is not the subject here."""

    def __init__(self, capacity: int) -> None:
        self.current = capacity

    def capacity(self, target: dict[str, Any]) -> tuple[str, int]:
        return "InService", self.current

    def set_capacity(self, target: dict[str, Any], capacity: int, cause: str) -> bool:
        self.current = capacity
        return True


def test_steps_scale_within_bounds_and_cool_down(bare_account: Account) -> None:
    """While the last step cools down only a larger one counts, and nothing is taken away."""
    concurrency = Concurrency(4)
    suspended = dict.fromkeys(("DynamicScalingInSuspended", "DynamicScalingOutSuspended"), False)
    description = {"ResourceId": "function:f:live", "MinCapacity": 1, "MaxCapacity": 6, "SuspendedState": suspended}
    steps = [*_IN, *_OUT]
    policy = Policy("p", "arn:p", _config(steps=steps, Cooldown=300), None, {}, None, STEPS)
    scaling = Scaling(bare_account, concurrency)  # type: ignore[arg-type]
    scaling._targets = {"function:f:live": Target(description, {"p": policy})}

    def after(load: float) -> int:
        minute = int(bare_account.clock.time()) // 60 * 60 - 60
        bare_account.metrics.put(series_key("Test", "load", {}), "None", minute, load)
        alarm = {"AlarmName": "a", "Namespace": "Test", "MetricName": "load", "Statistic": "Maximum"}
        scaling.on_alarm("arn:p", {**alarm, "Dimensions": [], "Period": 60, "Threshold": 50.0})
        return concurrency.current

    capacities = [after(load) for load in (55.0, 56.0)]
    bare_account.clock.advance(60)
    capacities.append(after(90.0))  # 3 on 4, of which one was added before; the maximum is 6
    bare_account.clock.advance(60)
    capacities.append(after(10.0))
    bare_account.clock.advance(301)
    capacities.append(after(10.0))

    assert capacities == [5, 5, 6, 6, 4]
