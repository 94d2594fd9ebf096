"""Filter patterns, and the metrics that metric filters make of log lines."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.logs.patterns import FilterPatternError, compile_pattern, select
from support.counted import DAY, whole_span

_LINE = '{"level": "ERROR", "ms": 120, "user": {"id": null, "tags": ["a", "b"]}, "ok": true}'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR ARGS", "ARGS and ERROR", True),
        ('"two words"', "these two words", True),
        ('"two words"', "words two", False),
        ("ERROR -ARGS", "ERROR ARGS", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("%ER+OR [0-9]%", "ERRROR 7", True),
        ('{ $.level = "ERROR" }', _LINE, True),
        ('{ $.level = "ERR*" }', _LINE, True),
        ('{ $.level != "ERROR" }', _LINE, False),
        ("{ $.ms > 100 && $.ms <= 120 }", _LINE, True),
        ("{ $.ms = 120 }", _LINE, True),
        ('{ $.ms < 100 || $.user.tags[1] = "b" }', _LINE, True),
        ("{ ($.ms < 100 || $.ok IS TRUE) && $.user.id IS NULL }", _LINE, True),
        ("{ $.nothing NOT EXISTS }", _LINE, True),
        ("{ $.nothing = 1 }", _LINE, False),
        ("{ $.ms > 1 }", "no JSON", False),
    ],
)
def test_a_pattern_matches_as_cloudwatch_logs_documents_it(pattern: str, message: str, expected: bool) -> None:
    """Terms are case-sensitive and all needed, `?` asks for any, `-` excludes, braces hold conditions on JSON.

    Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
    events, and Live Tail".
    """
    assert compile_pattern(pattern)(message) is expected


@pytest.mark.parametrize("pattern", ["[ip, user]", "{ $.a = }", "{ $.a", "{ level = 1 }", "{ ($.a = 1 }", "%(%"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    """What would quietly match everything, or nothing, is named instead.

    Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
    events, and Live Tail".
    """
    with pytest.raises(FilterPatternError, match="filterPattern: "):
        compile_pattern(pattern)


def test_a_selector_finds_a_value() -> None:
    """A metric filter takes its value from the line.

    Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
    events, and Live Tail".
    """
    assert (select(_LINE, "$.ms"), select(_LINE, "$.none"), select("text", "$.ms")) == (120, None, None)


def test_a_metric_filter_counts_and_measures(aws: Callable[[str], Any]) -> None:
    """Lines that match add samples, of a constant or of a value in the line, with dimensions from the line.

    Source: CloudWatch Logs API reference, PutMetricFilter.
    """
    logs, name = aws("logs"), f"filtered-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    common = {"metricNamespace": name}
    logs.put_metric_filter(
        logGroupName=name,
        filterName="errors",
        filterPattern='{ $.level = "ERROR" }',
        metricTransformations=[common | {"metricName": "Errors", "metricValue": "1"}],
    )
    logs.put_metric_filter(
        logGroupName=name,
        filterName="latency",
        filterPattern="{ $.ms > 0 }",
        metricTransformations=[
            common | {"metricName": "Latency", "metricValue": "$.ms", "dimensions": {"Level": "$.level"}}
        ],
    )
    now = int(time.time() * 1000)
    lines = [_LINE, '{"level": "INFO", "ms": 5}', "text"]

    logs.put_log_events(
        logGroupName=name, logStreamName="s", logEvents=[{"timestamp": now, "message": line} for line in lines]
    )
    events = logs.filter_log_events(logGroupName=name, filterPattern="{ $.ms < 100 }")["events"]

    assert _sum(aws, name, "Errors") == 1
    assert _sum(aws, name, "Latency", Level="ERROR") == 120
    assert [event["message"] for event in events] == [lines[1]]


def test_a_metric_filter_that_is_no_pattern_is_refused(aws: Callable[[str], Any]) -> None:
    """PutMetricFilter checks the pattern.

    Source: CloudWatch Logs API reference, PutMetricFilter.
    """
    name = f"refused-{uuid.uuid4().hex[:8]}"
    aws("logs").create_log_group(logGroupName=name)

    with pytest.raises(ClientError, match=r"InvalidParameterException.*not understood"):
        aws("logs").put_metric_filter(
            logGroupName=name,
            filterName="bad",
            filterPattern="{ level }",
            metricTransformations=[{"metricNamespace": "n", "metricName": "m", "metricValue": "1"}],
        )


def _sum(aws: Callable[[str], Any], namespace: str, metric: str, **dimensions: str) -> float:
    points = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        **whole_span(),
        Period=DAY,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))
