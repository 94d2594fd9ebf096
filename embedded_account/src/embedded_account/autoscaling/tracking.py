"""Target tracking: what a policy watches, its two alarms, and how many instances a metric calls for.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from embedded_account.wiring.refusals import not_carried_out, refuse

DEFAULT_COOLDOWN_SECONDS = 300
_LOW_SHARE = 0.9  # of the target: below it the low alarm breaches
_CONFIG_MEMBERS = {
    "TargetValue",
    "PredefinedMetricSpecification",
    "CustomizedMetricSpecification",
    "ScaleInCooldown",
    "ScaleOutCooldown",
    "DisableScaleIn",
}
_METRIC_MEMBERS = {"MetricName", "Namespace", "Dimensions", "Statistic", "Unit"}


@dataclass(frozen=True)
class TrackedMetric:
    """A CloudWatch metric and the statistic of it that is held at the target."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    unit: str | None = None

    def alarm_members(self) -> dict[str, Any]:
        """Return the members of PutMetricAlarm that name this metric."""
        members: dict[str, Any] = {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
            "Statistic": self.statistic,
        }
        return members | ({"Unit": self.unit} if self.unit else {})


def tracked_metric(config: Mapping[str, Any], predefined: Mapping[str, TrackedMetric]) -> TrackedMetric:
    """Return the metric that a TargetTrackingScalingPolicyConfiguration tracks, named by itself or as `predefined`.

    Raises:
        ServiceError: a metric or a member that is not carried out here.
    """
    refuse("TargetTrackingScalingPolicyConfiguration", config, _CONFIG_MEMBERS)
    custom = config.get("CustomizedMetricSpecification")
    if custom:
        if "Metrics" in custom:
            raise not_carried_out("CustomizedMetricSpecification.Metrics", "name one metric, without metric maths")
        refuse("CustomizedMetricSpecification", custom, _METRIC_MEMBERS)
        dimensions = {entry["Name"]: entry["Value"] for entry in custom.get("Dimensions", [])}
        return TrackedMetric(
            custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"], custom.get("Unit")
        )
    kind = config.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType", "none")
    if kind not in predefined:
        names = " or ".join(predefined)
        raise not_carried_out(f"PredefinedMetricType {kind!r}", f"use {names}, or a customized metric")
    return predefined[kind]


def alarm_requests(
    metric: TrackedMetric, target: float, policy_arn: str, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the PutMetricAlarm requests of a policy; `names` has the alarms' names under "High" and "Low"."""
    common = {
        **metric.alarm_members(),
        "Period": 60,
        "AlarmActions": [policy_arn],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
    }
    high = {"EvaluationPeriods": 3, "Threshold": target, "ComparisonOperator": "GreaterThanThreshold"}
    low = {"EvaluationPeriods": 15, "Threshold": _LOW_SHARE * target, "ComparisonOperator": "LessThanThreshold"}
    return [{"AlarmName": names["High"], **common, **high}, {"AlarmName": names["Low"], **common, **low}]


def wanted_capacity(current: int, value: float, target: float, low: int, high: int) -> int:
    """Return how many instances hold the metric at `target`, rounded up, within [low, high]."""
    return min(high, max(low, ceil(round(current * value / target, 9))))
