"""Target tracking: how many instances a metric calls for, and the alarms that watch it."""

from typing import Any

import pytest
from embedded_account.autoscaling.tracking import TrackedMetric, alarm_requests, tracked_metric, wanted_capacity
from embedded_account.errors import ServiceError

_KIND = "SageMakerVariantInvocationsPerInstance"
_INVOCATIONS = TrackedMetric("AWS/SageMaker", "InvocationsPerInstance", {}, "Sum")


@pytest.mark.parametrize(
    ("current", "value", "expected"),
    [(1, 100.0, 1), (1, 101.0, 2), (2, 180.0, 4), (3, 60.0, 2), (4, 0.0, 1), (1, 10_000.0, 5), (3, 100.0, 3)],
)
def test_capacity_holds_the_metric_at_the_target(current: int, value: float, expected: int) -> None:
    """Rounded up, and within one to five instances.

    Source: Application Auto Scaling user guide, "How target tracking scaling for Application Auto Scaling works".
    """
    assert wanted_capacity(current, value, 100.0, 1, 5) == expected


def test_alarms_are_those_of_aws() -> None:
    """High: 3 of 3 minutes above the target; low: 15 of 15 minutes below 90 % of it.

    Source: Application Auto Scaling user guide, "How target tracking scaling for Application Auto Scaling works".
    """
    metric = tracked_metric(_predefined(), {_KIND: _INVOCATIONS})

    high, low = alarm_requests(metric, 100.0, "arn:policy", {"High": "h", "Low": "l"})

    assert (high["EvaluationPeriods"], high["Threshold"], high["ComparisonOperator"]) == (
        3,
        100.0,
        "GreaterThanThreshold",
    )
    assert (low["EvaluationPeriods"], low["Threshold"], low["ComparisonOperator"]) == (15, 90.0, "LessThanThreshold")
    assert high["Statistic"] == "Sum"
    assert high["MetricName"] == "InvocationsPerInstance"
    assert high["AlarmActions"] == ["arn:policy"]


def test_customized_metric_is_taken_as_given() -> None:
    """Any metric of CloudWatch can be tracked.

    Source: Application Auto Scaling API reference, TargetTrackingScalingPolicyConfiguration.
    """
    specification = {
        "Namespace": "N",
        "MetricName": "Load",
        "Statistic": "Average",
        "Dimensions": [{"Name": "d", "Value": "v"}],
    }

    metric = tracked_metric({"TargetValue": 1, "CustomizedMetricSpecification": specification}, {})

    assert (metric.namespace, metric.name, metric.statistic, dict(metric.dimensions)) == (
        "N",
        "Load",
        "Average",
        {"d": "v"},
    )


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}}, "ALBRequestCount"),
        ({"CustomizedMetricSpecification": {"Metrics": []}}, r"CustomizedMetricSpecification\.Metrics"),
    ],
)
def test_other_metrics_are_refused_by_name(config: dict[str, Any], named: str) -> None:
    """What nothing here would emit cannot be tracked.

    Source: Application Auto Scaling API reference, TargetTrackingScalingPolicyConfiguration.
    """
    with pytest.raises(ServiceError, match=named) as caught:
        tracked_metric(config, {})

    assert caught.value.code == "NotImplemented"


def _predefined() -> dict[str, Any]:
    return {"TargetValue": 100, "PredefinedMetricSpecification": {"PredefinedMetricType": _KIND}}
