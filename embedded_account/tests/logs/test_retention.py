"""How long groups keep their events. Source: CloudWatch Logs API reference, PutRetentionPolicy."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.waiting import eventually

from embedded_account import advance_clock, start, stop

pytestmark = pytest.mark.account

DAY = 86_400


@pytest.fixture(scope="module")
def ageing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAccount]:
    """Give an account of this module's own, in which days pass."""
    folder = tmp_path_factory.mktemp("ageing") / ".embedded-account"
    yield RunningAccount(start(folder), folder)
    stop(folder)


def _put(logs: Any, group: str, message: str) -> None:
    event = {"timestamp": int(time.time() * 1000), "message": message}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])


def _messages(logs: Any, group: str) -> list[str]:
    events = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    return [event["message"] for event in events]


def test_events_are_gone_after_the_retention_of_their_group(ageing: RunningAccount) -> None:
    """Those of another group stay, and so does what came later."""
    logs = ageing.client("logs")
    for group in ("short", "endless"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        _put(logs, group, "early")
    logs.put_retention_policy(logGroupName="short", retentionInDays=3)

    advance_clock(ageing.info, 2 * DAY)
    _put(logs, "short", "late")
    assert _messages(logs, "short") == ["early", "late"]
    advance_clock(ageing.info, 2 * DAY)

    eventually(lambda: _messages(logs, "short") == ["late"], 20, "the event that is left")
    assert _messages(logs, "endless") == ["early"]
    (described,) = logs.describe_log_groups(logGroupNamePrefix="short")["logGroups"]
    assert described["storedBytes"] == len("late")
