"""Step scaling: how far a metric is beyond its alarm's threshold says by how much the capacity changes.

Source: Application Auto Scaling user guide, "Step scaling policies for Application Auto Scaling".
"""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, floor, inf
from typing import Any

from embedded_account.autoscaling.errors import validation_error
from embedded_account.wiring.refusals import refuse

_MEMBERS = {"AdjustmentType", "StepAdjustments", "MinAdjustmentMagnitude", "Cooldown", "MetricAggregationType"}
_TYPES = ("ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity")


def check(config: Mapping[str, Any]) -> None:
    """Return when a StepScalingPolicyConfiguration can be carried out.

    Raises:
        ServiceError: it has no steps or no type, or its steps overlap or leave something out.
    """
    refuse("StepScalingPolicyConfiguration", config, _MEMBERS)
    if config.get("AdjustmentType") not in _TYPES:
        raise validation_error(f"AdjustmentType: {config.get('AdjustmentType')!r}; it must be {' or '.join(_TYPES)}")
    if "MinAdjustmentMagnitude" in config and config["AdjustmentType"] != "PercentChangeInCapacity":
        raise validation_error("MinAdjustmentMagnitude is only valid with AdjustmentType PercentChangeInCapacity")
    steps = sorted(_bounds(step) for step in config.get("StepAdjustments") or ())
    if not steps:
        raise validation_error("At least one StepAdjustment must be specified for Step Scaling policies")
    if any(lower >= upper for lower, upper in steps):
        raise validation_error("A step adjustment's lower bound must be below its upper bound")
    for (_, upper), (lower, _) in pairwise(steps):
        if upper != lower:
            fault = "overlapping intervals" if upper > lower else "a gap between them"
            raise validation_error(f"There are StepAdjustments which have {fault}")


def adjusted(config: Mapping[str, Any], current: int, breach: float) -> int | None:
    """Return the capacity that follows on `current` where the metric is `breach` beyond the threshold.

    None where no step is for such a breach. Bounds of the target are not looked at.
    """
    step = next((one for one in config["StepAdjustments"] if _holds(one, breach)), None)
    if step is None:
        return None
    adjustment = int(step["ScalingAdjustment"])
    if config["AdjustmentType"] == "ExactCapacity":
        return adjustment
    if config["AdjustmentType"] == "ChangeInCapacity":
        return current + adjustment
    change = _rounded(current * adjustment / 100)
    least = int(config.get("MinAdjustmentMagnitude") or 0)
    if abs(change) < least:
        change = least if adjustment > 0 else -least
    return current + change


def _bounds(step: Mapping[str, Any]) -> tuple[float, float]:
    return step.get("MetricIntervalLowerBound", -inf), step.get("MetricIntervalUpperBound", inf)


def _holds(step: Mapping[str, Any], breach: float) -> bool:
    """Return whether a step is for `breach`: the bound that is nearer to the threshold belongs to it."""
    lower, upper = _bounds(step)
    return lower <= breach < upper if breach >= 0 else lower < breach <= upper


def _rounded(change: float) -> int:
    """Return a change in whole units: towards zero, and never to zero."""
    towards_zero = floor(change) if change > 0 else ceil(change)
    return towards_zero or (0 if change == 0 else 1 if change > 0 else -1)
