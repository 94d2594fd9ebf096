"""What the Lambda and Logs patches rely on in moto, and that they take effect."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount


def test_lambda_api_of_moto_is_where_it_was() -> None:
    """The patches replace these; if one moved, an upgrade of moto would quietly undo them."""
    from moto.awslambda import models, urls
    from moto.core.responses import BaseResponse

    assert models.LambdaFunction.invoke.__code__.co_varnames[:4] == (
        "self",
        "body",
        "request_headers",
        "response_headers",
    )
    assert isinstance(urls.url_paths, dict)
    assert hasattr(BaseResponse("lambda"), "automated_parameter_parsing")
    storage = models.LambdaStorage("us-east-1", "123456789012")
    assert {"_functions", "_aliases", "_arns"} <= set(vars(storage))


def test_caller_identity_is_the_root_of_the_account(aws: Callable[[str], Any]) -> None:
    """The client that started the account acts as its root."""
    assert aws("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"


@pytest.fixture
def group(aws: Callable[[str], Any]) -> str:
    """Give a log group with two streams, whose events alternate."""
    logs, now, name = aws("logs"), int(time.time() * 1000), f"/test/{time.monotonic_ns()}"
    logs.create_log_group(logGroupName=name)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
    for number in range(6):
        event = {"timestamp": now + number, "message": f"event {number} {'ERROR' if number == 3 else 'fine'}"}
        logs.put_log_events(logGroupName=name, logStreamName="ab"[number % 2], logEvents=[event])
    return name


def test_filtered_events_of_several_streams_come_in_order(group: str, aws: Callable[[str], Any]) -> None:
    """FilterLogEvents merges the streams by time, page by page."""
    pages = (
        aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 2})
    )

    messages = [event["message"] for page in pages for event in page["events"]]

    assert [message.split()[1] for message in messages] == list("012345")


def test_filter_pattern_selects_or_is_refused(group: str, aws: Callable[[str], Any]) -> None:
    """A term selects; a pattern that is not understood is refused and does not return everything."""
    events = aws("logs").filter_log_events(logGroupName=group, filterPattern="ERROR")["events"]
    assert [event["message"] for event in events] == ["event 3 ERROR"]

    with pytest.raises(ClientError, match=r"InvalidParameterException.*filterPattern"):
        aws("logs").filter_log_events(logGroupName=group, filterPattern="{ $.level = ")


def test_streams_and_their_events_are_read(group: str, aws: Callable[[str], Any]) -> None:
    """DescribeLogStreams sorts by the last event; GetLogEvents goes forward until nothing is new."""
    logs = aws("logs")
    newest = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"][0]
    assert newest["logStreamName"] == "b"

    first = logs.get_log_events(logGroupName=group, logStreamName="b", startFromHead=True, limit=2)
    rest = logs.get_log_events(logGroupName=group, logStreamName="b", nextToken=first["nextForwardToken"])

    assert [event["message"].split()[1] for event in first["events"] + rest["events"]] == ["1", "3", "5"]
    end = logs.get_log_events(logGroupName=group, logStreamName="b", nextToken=rest["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], rest["nextForwardToken"])


def test_logs_run_on_the_clock_of_the_account(account_at_speed: Callable[[float], RunningAccount]) -> None:
    """On a fast clock, events of the account's present are not dropped as too far ahead."""
    running = account_at_speed(120.0)
    logs, group = running.client("logs"), "/test/fast"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    created = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["creationTime"]

    put = logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=[{"timestamp": created + 1000, "message": "m"}]
    )

    assert "rejectedLogEventsInfo" not in put
