"""The state of an alarm, from datapoints and the lack of them."""

from typing import Any

import pytest
from embedded_account.cloudwatch.evaluation import ALARM, INSUFFICIENT_DATA, OK, evaluate
from embedded_account.metrics import MINUTE, MetricStore, series_key


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        ([9, 9, 9], {}, ALARM),
        ([9, 1, 9], {}, OK),
        ([9, 1, 9], {"DatapointsToAlarm": 2}, ALARM),
        ([5, 5, 5], {}, OK),  # greater than, not equal
        ([5, 5, 5], {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, ALARM),
        ([1, 1, 1], {"ComparisonOperator": "LessThanThreshold"}, ALARM),
        ([None, None, None], {}, INSUFFICIENT_DATA),
        ([None, None, None], {"TreatMissingData": "breaching"}, ALARM),
        ([None, None, None], {"TreatMissingData": "notBreaching"}, OK),
        ([9, None, 9], {"TreatMissingData": "breaching"}, ALARM),
        ([9, None, 9], {"TreatMissingData": "notBreaching"}, OK),
        ([None, None, 9], {"DatapointsToAlarm": 1}, ALARM),
    ],
)
def test_state_follows_datapoints(values: list[float | None], settings: dict[str, Any], expected: str) -> None:
    """M of N periods breach, or do not, with missing ones treated as told.

    Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data".
    """
    assert _verdict(values, settings).state == expected


def test_real_datapoints_further_back_replace_missing_ones() -> None:
    """Where enough real datapoints lie a little further back, CloudWatch looks at those.

    Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data".
    """
    assert _verdict([9, 9, None, 9], {}).state == ALARM


def test_undecided_alarm_stays_as_it_is() -> None:
    """With missing data ignored and none there, the state does not change.

    Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data".
    """
    settings = {"TreatMissingData": "ignore"}

    assert _verdict([None] * 3, settings, current=ALARM).state == ALARM
    assert _verdict([None] * 3, settings, current=OK).state == OK


def test_minute_that_has_not_ended_does_not_count() -> None:
    """Half a minute of traffic would look like idleness.

    Source: CloudWatch user guide, "Using Amazon CloudWatch alarms".
    """
    store = MetricStore()
    store.put(series_key("N", "m", {}), "None", 600, 9.0)

    assert evaluate(_alarm({"EvaluationPeriods": 1}), store, 630, OK).state == INSUFFICIENT_DATA
    assert evaluate(_alarm({"EvaluationPeriods": 1}), store, 660, OK).state == ALARM


def test_reason_reads_as_cloudwatch_words_it() -> None:
    """The sentence has the datapoints and the threshold.

    Source: CloudWatch user guide, "Using Amazon CloudWatch alarms".
    """
    reason = _verdict([9, 9, 9], {}).reason

    assert reason == (
        "Threshold Crossed: 3 out of the last 3 datapoints [9, 9, 9] was greater than the threshold (5) "
        "(minimum 3 datapoints for OK -> ALARM transition)."
    )


def test_percentile_is_a_statistic() -> None:
    """An alarm on p90 is not one on the mean.

    Source: CloudWatch user guide, "Using Amazon CloudWatch alarms".
    """
    store = MetricStore()
    for value in [1.0] * 8 + [100.0] * 2:
        store.put(series_key("N", "m", {}), "None", 0, value)
    settings = {"EvaluationPeriods": 1, "ExtendedStatistic": "p90", "Threshold": 50}

    alarm = {key: value for key, value in _alarm(settings).items() if key != "Statistic"}

    assert evaluate(alarm, store, 60, OK).state == ALARM


def test_missing_operand_is_a_missing_datapoint() -> None:
    """An expression has no value where one of its metrics has none; TreatMissingData then decides.

    Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics" and "Configuring how CloudWatch
    alarms treat missing data".
    """
    store = MetricStore()
    store.put(series_key("N", "errors", {}), "None", 0, 9.0)
    stat = {"Period": MINUTE, "Stat": "Sum"}
    queries: list[dict[str, Any]] = [
        {"Id": name, "ReturnData": False, "MetricStat": stat | {"Metric": {"Namespace": "N", "MetricName": name}}}
        for name in ("errors", "calls")
    ]
    alarm = {
        "Metrics": [{"Id": "rate", "Expression": "errors / calls"}, *queries],
        "EvaluationPeriods": 1,
        "Threshold": 0.1,
        "ComparisonOperator": "GreaterThanThreshold",
    }

    assert evaluate(alarm, store, 60, OK).state == INSUFFICIENT_DATA
    assert evaluate(alarm | {"TreatMissingData": "breaching"}, store, 60, OK).state == ALARM
    store.put(series_key("N", "calls", {}), "None", 0, 10.0)
    assert evaluate(alarm, store, 60, OK).state == ALARM


def test_a_band_learns_what_is_usual_for_the_time_of_day() -> None:
    """Traffic that comes each morning is no anomaly; the same at night is one, and more than each morning's too."""
    calls = {hour: 400.0 if 8 <= hour % 24 < 20 else 10.0 for hour in range(47)}

    assert _banded(calls | {47: 12.0}).state == OK
    assert _banded(calls | {47: 400.0}).state == ALARM
    assert _banded({hour: calls[hour] for hour in range(33)} | {33: 410.0}).state == OK
    assert _banded({hour: calls[hour] for hour in range(33)} | {33: 900.0}).state == ALARM


def test_a_band_without_a_past_decides_nothing() -> None:
    """An alarm of a new stack waits until it knows what is usual.

    Source: CloudWatch user guide, "Creating an alarm based on anomaly detection".
    """
    assert _banded({0: 1.0, 1: 500.0}).state == INSUFFICIENT_DATA
    assert _banded({0: 1.0, 1: 500.0}, TreatMissingData="notBreaching").state == OK


def test_a_band_can_be_left_downwards() -> None:
    """LessThanLowerThreshold watches for less than usual, and for that alone."""
    steady = dict.fromkeys(range(20), 100.0)

    assert _banded(steady | {20: 1.0}, ComparisonOperator="LessThanLowerThreshold").state == ALARM
    assert _banded(steady | {20: 1.0}).state == OK
    assert _banded(steady | {20: 900.0}, ComparisonOperator="LessThanLowerThreshold").state == OK


def _banded(calls: dict[int, float], **settings: Any) -> Any:
    """Return the verdict after hours with `calls` each, by twelfths, on an alarm of a band of three deviations."""
    store = MetricStore()
    for hour, number in calls.items():
        for part in range(12):
            store.put(series_key("N", "calls", {}), "None", hour * 3600 + part * 300, number + part % 3)
    stat = {"Period": 300, "Stat": "Sum", "Metric": {"Namespace": "N", "MetricName": "calls"}}
    alarm = {
        "Metrics": [
            {"Id": "calls", "MetricStat": stat},
            {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(calls, 3)"},
        ],
        "ThresholdMetricId": "band",
        "EvaluationPeriods": 2,
        "ComparisonOperator": "GreaterThanUpperThreshold",
    }
    return evaluate(alarm | settings, store, (max(calls) + 1) * 3600, OK)


def _alarm(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "AlarmName": "a",
        "Namespace": "N",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": MINUTE,
        "EvaluationPeriods": 3,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    } | settings


def _verdict(values: list[float | None], settings: dict[str, Any], current: str = OK) -> Any:
    store = MetricStore()
    for minute, value in enumerate(values):
        if value is not None:
            store.put(series_key("N", "m", {}), "None", minute * MINUTE, value)
    return evaluate(_alarm(settings), store, len(values) * MINUTE, current)
