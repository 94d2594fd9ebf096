"""What CloudWatch refuses of samples and of the times between which they are asked for.

Source: CloudWatch API reference, PutMetricData, MetricDatum, GetMetricStatistics and GetMetricData.
"""

from collections.abc import Sequence
from itertools import combinations
from math import isfinite
from typing import Any

from embedded_account.errors import ServiceError

_EXCLUSIVE = ("Value", "Values", "StatisticValues")


def check_data(data: Sequence[dict[str, Any]]) -> None:
    """Return when every sample of a request can be kept: of one that cannot, none is.

    Raises:
        ServiceError: one has no value or two kinds of values, or a value that is no number.
    """
    for number, datum in enumerate(data, 1):
        _check_datum(f"MetricData.member.{number}", datum)


def _check_datum(member: str, datum: dict[str, Any]) -> None:
    for first, second in combinations(_EXCLUSIVE, 2):
        if first in datum and second in datum:
            code = "InvalidParameterCombination" if second == "StatisticValues" else "InvalidParameterValue"
            both = f"The parameters {member}.{first} and {member}.{second} are mutually exclusive"
            raise ServiceError(code, f"{both} and you have specified both.")
    if not any(name in datum for name in _EXCLUSIVE):
        what = "At least one of the parameters must be specified"
        raise ServiceError("InvalidParameterCombination", f"{what}: {member}.Value, Values or StatisticValues.")
    values, counts = datum.get("Values", []), datum.get("Counts", [])
    if "Counts" in datum and len(counts) != len(values):
        raise ServiceError(
            "InvalidParameterValue", f"The parameters {member}.Values and {member}.Counts must be of the same size."
        )
    for name, value in [("Value", datum["Value"])] if "Value" in datum else [("Values", each) for each in values]:
        if not isfinite(float(value)):
            text = "NaN" if value != value else "Infinity"  # noqa: PLR0124 (only NaN is not itself)
            raise ServiceError("InvalidParameterValue", f"The value {text} for parameter {member}.{name} is invalid.")


def check_statistics_times(start: float, end: float) -> None:
    """Return when statistics can be asked for from `start` to `end`, which count in whole seconds.

    Raises:
        ServiceError: there is no time between them.
    """
    if int(start) >= int(end):
        raise ServiceError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")


def check_data_times(start: float, end: float) -> None:
    """Return when data can be asked for from `start` to `end`, which count in whole seconds.

    Raises:
        ServiceError: there is no time between them.
    """
    if int(start) > int(end):
        raise ServiceError("ValidationError", "The parameter EndTime must be greater than StartTime.")
    if int(start) == int(end):
        raise ServiceError("ValidationError", "The parameter StartTime must not equal parameter EndTime.")
