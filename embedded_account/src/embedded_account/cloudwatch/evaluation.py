"""Decides the state of a metric alarm: M breaching datapoints out of N periods, and what stands for missing ones.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from dataclasses import dataclass
from typing import Any

from embedded_account.cloudwatch import bands
from embedded_account.cloudwatch.bands import Band, band_query
from embedded_account.cloudwatch.series import series_of
from embedded_account.cloudwatch.statistics import statistic
from embedded_account.metrics import MetricStore, series_key

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_EXTRA_PERIODS = 2  # further back that CloudWatch looks for real datapoints


@dataclass(frozen=True)
class Verdict:
    """The state of an alarm, the sentence that says why, and the datapoints behind it, oldest first."""

    state: str
    reason: str
    datapoints: list[tuple[int, float]]


def evaluate(alarm: dict[str, Any], store: MetricStore, now: float, current_state: str) -> Verdict:
    """Return what the complete periods before `now` make of `alarm`, given as PutMetricAlarm's parameters."""
    period, num_periods = period_of(alarm), alarm["EvaluationPeriods"]
    end, band = int(now) // period * period, band_query(alarm)
    history = bands.HISTORY_SECONDS // period if band else 0
    known = _datapoints(alarm, store, end, period, num_periods + _EXTRA_PERIODS + history)
    points = [point for point in known if point[0] >= end - (num_periods + _EXTRA_PERIODS) * period]
    if len(points) >= num_periods:
        window = points[-num_periods:]
        num_missing = 0
    else:
        window = [point for point in points if point[0] >= end - num_periods * period]
        num_missing = num_periods - len(window)
    if band is None:
        return _verdict(alarm, window, num_missing, current_state)
    expected = bands.bands(dict(known), [at for at, _ in window], band.width)
    judged = [point for point in window if point[0] in expected]
    return _verdict(alarm, judged, num_missing + len(window) - len(judged), current_state, expected)


def period_of(alarm: dict[str, Any]) -> int:
    """Return the period of `alarm` in seconds; that of its metrics for one on metric maths."""
    stats = [query["MetricStat"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    return max(60, *(int(stat["Period"]) for stat in stats)) if stats else max(60, int(alarm["Period"]))


def watched(alarm: dict[str, Any]) -> str:
    """Return the id of the one query that an alarm with Metrics watches, itself or by the band around it."""
    band = band_query(alarm)
    return band.of if band else next(str(query["Id"]) for query in alarm["Metrics"] if query.get("ReturnData", True))


def computed(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the queries of an alarm that are series: all but the band."""
    return [query for query in alarm["Metrics"] if query["Id"] != alarm.get("ThresholdMetricId")]


def _datapoints(
    alarm: dict[str, Any], store: MetricStore, end: int, period: int, num_periods: int
) -> list[tuple[int, float]]:
    if "Metrics" in alarm:
        series = series_of(computed(alarm), store, end - num_periods * period, end)
        return sorted(series[watched(alarm)].items())
    key = series_key(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", []))
    if alarm.get("Unit") not in {None, store.unit(key)}:
        return []
    name = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return [(at, statistic(bucket, name)) for at, bucket in store.periods(key, end - num_periods * period, end, period)]


def _verdict(
    alarm: dict[str, Any],
    window: list[tuple[int, float]],
    num_missing: int,
    current_state: str,
    expected: dict[int, Band] | None = None,
) -> Verdict:
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    breaching, words = _breaching(alarm, window, expected)
    treatment = alarm.get("TreatMissingData", "missing")
    num_breaching = len(breaching) + (num_missing if treatment == "breaching" else 0)
    if num_breaching >= needed:
        return Verdict(ALARM, _reason(alarm, window, num_breaching, needed, words, ALARM), window)
    if not window and treatment == "missing":
        return Verdict(INSUFFICIENT_DATA, _no_data(alarm), window)
    if not window and treatment == "ignore":
        return Verdict(current_state, "", window)
    if treatment in {"missing", "ignore"} and num_missing and num_breaching + num_missing >= needed:
        undecided = current_state if current_state != INSUFFICIENT_DATA or treatment == "ignore" else OK
        if undecided == current_state:
            return Verdict(current_state, "", window)
    return Verdict(OK, _reason(alarm, window, num_breaching, needed, words, OK), window)


def _breaching(
    alarm: dict[str, Any], window: list[tuple[int, float]], expected: dict[int, Band] | None
) -> tuple[list[float], str]:
    """Return the values that breach, and the words for how."""
    comparison = alarm["ComparisonOperator"]
    if expected is None:
        breaches, words = COMPARISONS[comparison]
        words = f"{words} the threshold ({alarm['Threshold']:g})"
        return [value for _, value in window if breaches(value, alarm["Threshold"])], words
    uppers = ", ".join(f"{expected[at].upper:g}" for at, _ in window)
    outside = [value for at, value in window if expected[at].is_left(value, comparison)]
    return outside, f"{bands.COMPARISONS[comparison]} [{uppers}]"


def _reason(
    alarm: dict[str, Any], window: list[tuple[int, float]], num_breaching: int, needed: int, words: str, state: str
) -> str:
    values = ", ".join(f"{value:g}" for _, value in window) or "none"
    total = alarm["EvaluationPeriods"]
    num, verb = (num_breaching, "was") if state == ALARM else (total - num_breaching, "was not")
    plural, transition = "s" if needed > 1 else "", "OK -> ALARM" if state == ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {num} out of the last {total} datapoints [{values}] {verb} {words} "
        f"(minimum {needed} datapoint{plural} for {transition} transition)."
    )


def _no_data(alarm: dict[str, Any]) -> str:
    return f"Insufficient Data: {alarm['EvaluationPeriods']} datapoints were unknown."
