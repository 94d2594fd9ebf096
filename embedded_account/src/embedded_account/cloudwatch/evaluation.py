"""Decides the state of a metric alarm: M breaching datapoints out of N periods, and what stands for missing ones.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from dataclasses import dataclass
from typing import Any

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
    end = int(now) // period * period
    points = _datapoints(alarm, store, end, period, num_periods + _EXTRA_PERIODS)
    if len(points) >= num_periods:
        window = points[-num_periods:]
        num_missing = 0
    else:
        window = [point for point in points if point[0] >= end - num_periods * period]
        num_missing = num_periods - len(window)
    return _verdict(alarm, window, num_missing, current_state)


def period_of(alarm: dict[str, Any]) -> int:
    """Return the period of `alarm` in seconds; that of its metrics for one on metric maths."""
    stats = [query["MetricStat"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    return max(60, *(int(stat["Period"]) for stat in stats)) if stats else max(60, int(alarm["Period"]))


def watched(alarm: dict[str, Any]) -> str:
    """Return the id of the one query that an alarm with Metrics watches."""
    return next(str(query["Id"]) for query in alarm["Metrics"] if query.get("ReturnData", True))


def _datapoints(
    alarm: dict[str, Any], store: MetricStore, end: int, period: int, num_periods: int
) -> list[tuple[int, float]]:
    if "Metrics" in alarm:
        series = series_of(alarm["Metrics"], store, end - num_periods * period, end)
        return sorted(series[watched(alarm)].items())
    key = series_key(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", []))
    if alarm.get("Unit") not in {None, store.unit(key)}:
        return []
    name = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return [(at, statistic(bucket, name)) for at, bucket in store.periods(key, end - num_periods * period, end, period)]


def _verdict(alarm: dict[str, Any], window: list[tuple[int, float]], num_missing: int, current_state: str) -> Verdict:
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    breaches, words = COMPARISONS[alarm["ComparisonOperator"]]
    breaching = [value for _, value in window if breaches(value, alarm["Threshold"])]
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


def _reason(
    alarm: dict[str, Any], window: list[tuple[int, float]], num_breaching: int, needed: int, words: str, state: str
) -> str:
    values = ", ".join(f"{value:g}" for _, value in window) or "none"
    total = alarm["EvaluationPeriods"]
    num, verb = (num_breaching, "was") if state == ALARM else (total - num_breaching, "was not")
    plural, transition = "s" if needed > 1 else "", "OK -> ALARM" if state == ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {num} out of the last {total} datapoints [{values}] {verb} {words} the threshold "
        f"({alarm['Threshold']:g}) (minimum {needed} datapoint{plural} for {transition} transition)."
    )


def _no_data(alarm: dict[str, Any]) -> str:
    return f"Insufficient Data: {alarm['EvaluationPeriods']} datapoints were unknown."
