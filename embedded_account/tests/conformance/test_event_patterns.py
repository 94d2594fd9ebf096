"""Replays the event patterns that AWS refused, and what it delivered for those that it took, as others recorded it."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conformance.recordings import FOLDER, first_lines, scenarios
from embedded_account.pytest_plugin import RunningAccount
from support.queues import messages, new_queue

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpora are not beside this checkout")

_EVENT = {
    "id": "1", "account": "123456789012", "source": "s", "time": "2022-07-13T13:48:01Z", "region": "us-east-1",
    "resources": [], "detail-type": "t",
}  # fmt: skip
_DETAIL_TYPE = "core.update-account-command"
_COMMAND = ["display-message", None]
# Pattern, and the details of the events that are sent; the recordings hold those that came through.
_RULES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "rule-anything-but": (
        {"command": [{"anything-but": ["display-message-no"]}]},
        [{"command": each, "payload": "baz"} for each in [*_COMMAND, "display-message-no"]],
    ),
    "rule-exists-true": (
        {"key": [{"exists": True}]},
        [{"key": "value", "payload": "baz"}, {"no-key": "no-value", "payload": "baz"}],
    ),
    "rule-exists-false": (
        {"key": [{"exists": False}]},
        [{"key": "value", "payload": "baz"}, {"no-key": "no-value", "payload": "baz"}],
    ),
}


def refusals() -> list[tuple[str, str, dict[str, str]]]:
    """Return the patterns that AWS refused, where the recording has the pattern, and the errors."""
    refused: list[tuple[str, str, dict[str, str]]] = []
    for name, steps in scenarios("test_events_patterns.json").items() if FOLDER.is_dir() else ():
        for step in steps.values() if name.startswith("TestEventPattern") else ():
            error = step.get("exception_message", step).get("Error") if isinstance(step, dict) else None
            text = error and error.get("MessageRaw", error["Message"])
            if error and text and "Source: (String)" in text:
                pattern = text.split('(String)"', 1)[1].split('"; line:', 1)[0]
                pattern = pattern.replace("<partition>", "aws").replace("<region>", "us-east-1")
                refused.append((name.split("::")[1], pattern, error))
    return refused


@pytest.mark.parametrize(("name", "pattern", "error"), refusals())
def test_pattern_is_refused_as_by_aws(account: RunningAccount, name: str, pattern: str, error: dict[str, str]) -> None:
    """TestEventPattern gives AWS's code and reason for every pattern that AWS refused."""
    with pytest.raises(ClientError, match="InvalidEventPattern") as caught:
        account.client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(_EVENT))

    answer = caught.value.response["Error"]
    assert (answer["Code"], answer["Message"]) == (error["Code"], first_lines(error["Message"])), name


def test_most_refusals_are_replayed() -> None:
    """Patterns that the recordings do not hold are few: those of addresses and of what is too complex."""
    assert len(refusals()) >= 35


@pytest.mark.parametrize("event", ["just a string", "[]", "{'a': 'b'}", json.dumps({"source": "s"})])
def test_event_that_is_none_is_refused_as_by_aws(account: RunningAccount, event: str) -> None:
    """An event is a JSON object with all that events have."""
    with pytest.raises(ClientError, match="Parameter Event is not valid") as caught:
        account.client("events").test_event_pattern(EventPattern='{"source": ["s"]}', Event=event)

    recorded = scenarios("test_events_patterns.json")["TestEventPattern::test_array_event_payload"]
    (error,) = (step["Error"] for step in recorded.values())
    answer = caught.value.response["Error"]
    assert (answer["Code"], answer["Message"]) == (error["Code"], error["Message"])


@pytest.mark.parametrize("rule", _RULES)
def test_rule_delivers_what_it_did_on_aws(account: RunningAccount, rule: str) -> None:
    """The same events come through, in the same form."""
    recorded = scenarios("test_events_patterns.json")[
        f"TestRuleWithPattern::test_put_events_with_{rule.replace('rule-', 'rule_pattern_').replace('-', '_')}"
    ]
    pattern, details = _RULES[rule]
    events, queue, source = account.client("events"), new_queue(account), f"core.{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source], "detail": pattern}))
    events.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": queue.arn}])

    entries = [{"Source": source, "DetailType": _DETAIL_TYPE, "Detail": json.dumps(detail)} for detail in details]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0

    bodies = [json.loads(body) for body in messages(account, queue, at_least=len(recorded[rule]))]
    expected = [message["Body"] for message in recorded[rule]]
    assert sorted(map(str, (body["detail"] for body in bodies))) == sorted(str(body["detail"]) for body in expected)
    assert [set(body) for body in bodies] == [set(body) for body in expected]
