"""Anomaly detection: the band in which a metric is expected, learnt from what it was before.

CloudWatch's own model is not published. This one takes, of up to the two days that are kept, the values within an hour
of the same time on the day before where there are enough of them, else all, and expects their median give or take their
deviation times the band's width; so a quiet night does not make the morning's traffic an anomaly, nor one the next.
Source: CloudWatch user guide, "Using CloudWatch anomaly detection" and "Creating an alarm based on anomaly detection".
"""

import re
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from embedded_account.errors import ServiceError

DEFAULT_WIDTH = 2.0
HISTORY_SECONDS = 2 * 86_400  # as long as samples are kept
COMPARISONS = {
    "GreaterThanUpperThreshold": "greater than the upper thresholds",
    "LessThanLowerThreshold": "less than the lower thresholds",
    "LessThanLowerOrGreaterThanUpperThreshold": "less than the lower thresholds or greater than the upper thresholds",
}
_BAND = re.compile(r"\s*ANOMALY_DETECTION_BAND\s*\(\s*(\w+)\s*(?:,\s*(\d+(?:\.\d+)?)\s*)?\)\s*", re.IGNORECASE)
_MIN_HISTORY_SECONDS = 3 * 3600  # before that CloudWatch has no model either
_MIN_VALUES = 10
_DAY_SECONDS, _NEAR_SECONDS = 86_400, 3_600
_LEAST_DEVIATION = 0.01  # of the median: a metric that never moved has a band all the same
_TO_STANDARD = 1.4826  # median absolute deviations in a standard one, of normally distributed values


class Band(NamedTuple):
    """Between which values a metric is expected at one moment."""

    lower: float
    upper: float

    def is_left(self, value: float, comparison: str) -> bool:
        """Return whether `value` is outside on a side that `comparison` watches."""
        above = comparison != "LessThanLowerThreshold" and value > self.upper
        below = comparison != "GreaterThanUpperThreshold" and value < self.lower
        return above or below


class BandQuery(NamedTuple):
    """Of which query an alarm watches the band, and how wide it is, in standard deviations."""

    of: str
    width: float


def band_query(alarm: Mapping[str, Any]) -> BandQuery | None:
    """Return what ThresholdMetricId of an alarm stands for; None for an alarm with a fixed threshold.

    Raises:
        ServiceError: it names no band over a query of the alarm.
    """
    if "ThresholdMetricId" not in alarm:
        return None
    name, queries = alarm["ThresholdMetricId"], {query["Id"]: query for query in alarm.get("Metrics", ())}
    match = _BAND.fullmatch(queries.get(name, {}).get("Expression", ""))
    if match is None:
        raise ServiceError(
            "ValidationError", f"ThresholdMetricId {name!r}: it names no query with ANOMALY_DETECTION_BAND(id, width)"
        )
    if match[1] not in queries or match[1] == name:
        raise ServiceError("ValidationError", f"ANOMALY_DETECTION_BAND: there is no query with the id {match[1]!r}")
    return BandQuery(match[1], float(match[2] or DEFAULT_WIDTH))


def bands(series: Mapping[int, float], moments: list[int], width: float) -> dict[int, Band]:
    """Return the band at each of `moments` for which `series` has enough before the first of them."""
    before = {at: value for at, value in series.items() if moments and at < moments[0]}
    if len(before) < _MIN_VALUES or moments[0] - min(before) < _MIN_HISTORY_SECONDS:
        return {}
    return {at: _band(at, before, width) for at in moments}


def _band(at: int, before: Mapping[int, float], width: float) -> Band:
    near = [value for moment, value in before.items() if _is_same_time_of_an_earlier_day(at, moment)]
    values = near if len(near) >= _MIN_VALUES else list(before.values())
    median = statistics.median(values)
    deviation = _TO_STANDARD * statistics.median(abs(value - median) for value in values)
    reach = width * max(deviation, abs(median) * _LEAST_DEVIATION)
    return Band(median - reach, median + reach)


def _is_same_time_of_an_earlier_day(at: int, moment: int) -> bool:
    apart = at - moment
    return apart > _DAY_SECONDS // 2 and min(apart % _DAY_SECONDS, -apart % _DAY_SECONDS) <= _NEAR_SECONDS
