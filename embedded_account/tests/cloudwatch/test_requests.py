"""What CloudWatch refuses. Source: CloudWatch API reference, MetricDatum, GetMetricStatistics and GetMetricData."""

from typing import Any

import pytest
from embedded_account.cloudwatch.requests import check_data, check_data_times, check_statistics_times
from embedded_account.errors import ServiceError

_SUMMARY = {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}


@pytest.mark.parametrize(
    ("datum", "message"),
    [
        ({}, "At least one of the parameters must be specified"),
        ({"Value": 1, "Values": [1]}, "member.2.Value and MetricData.member.2.Values are mutually exclusive"),
        ({"Value": 1, "StatisticValues": _SUMMARY}, "member.2.StatisticValues are mutually exclusive"),
        ({"Values": [1, 2], "Counts": [1]}, "must be of the same size"),
        ({"Value": float("nan")}, "The value NaN for parameter MetricData.member.2.Value is invalid"),
        ({"Values": [1, float("inf")]}, "The value Infinity for parameter MetricData.member.2.Values is invalid"),
    ],
)
def test_sample_that_is_none_is_refused(datum: dict[str, Any], message: str) -> None:
    """The error names the sample, and the good one before it is not kept either."""
    with pytest.raises(ServiceError, match=message):
        check_data([{"Value": 1}, datum])


def test_values_without_counts_are_taken() -> None:
    """Each counts once."""
    check_data([{"Values": [1, 2]}, {"StatisticValues": _SUMMARY}])


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (1.0, 1.0), (1.02, 1.98)])
def test_no_time_between_start_and_end_is_refused(start: float, end: float) -> None:
    """Times count in whole seconds."""
    with pytest.raises(ServiceError, match="StartTime must be less than the parameter EndTime"):
        check_statistics_times(start, end)
    with pytest.raises(ServiceError, match=r"EndTime must be greater|must not equal"):
        check_data_times(start, end)
