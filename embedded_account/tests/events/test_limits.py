"""What EventBridge refuses. Source: EventBridge API reference, PutEvents and PutTargets."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.queues import messages, new_queue


def test_an_entry_that_is_no_event_does_not_hold_up_the_others(account: RunningAccount) -> None:
    """Details must be JSON objects, and aws.* is AWS's own source; the rest of the request is carried out."""
    events, queue, source = account.client("events"), new_queue(account), f"test.{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": queue.arn}])
    good = {"Source": source, "DetailType": "t", "Detail": json.dumps({"n": 1})}

    answer = events.put_events(
        Entries=[good | {"Detail": "{no json"}, good | {"Detail": "[1]"}, good | {"Source": "aws.s3"}, good]
    )

    assert answer["FailedEntryCount"] == 3
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == ["MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", None]
    (event,) = messages(account, queue, at_least=1)
    assert json.loads(event)["detail"] == {"n": 1}


def test_entries_above_256_kb_are_refused(aws: Callable[[str], Any]) -> None:
    """All entries of a request count together."""
    entry = {"Source": "test", "DetailType": "t", "Detail": json.dumps({"x": "y" * 140_000})}

    assert aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    with pytest.raises(ClientError, match="Total size of the entries in the request is over the limit"):
        aws("events").put_events(Entries=[entry, entry])


def test_a_rule_has_five_targets_at_most(account: RunningAccount) -> None:
    """A target that is put again does not count twice."""
    events, queue, name = account.client("events"), new_queue(account), f"rule-{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["nobody"]}))
    targets = [{"Id": str(number), "Arn": queue.arn} for number in range(6)]
    events.put_targets(Rule=name, Targets=targets[:5])
    events.put_targets(Rule=name, Targets=targets[:1])

    with pytest.raises(ClientError, match="exceeds the maximum number allowed") as caught:
        events.put_targets(Rule=name, Targets=targets[5:])

    assert caught.value.response["Error"]["Code"] == "LimitExceededException"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"Input": "no json"}, "Input of target 1: JSON syntax error"),
        ({"Input": "{}", "InputPath": "$.detail"}, "Only one of Input, InputPath, or InputTransformer"),
    ],
)
def test_input_that_no_target_could_get_is_refused(account: RunningAccount, inputs: dict[str, str], words: str) -> None:
    """Before, the rule was taken and its events went nowhere."""
    events, queue = account.client("events"), new_queue(account)
    events.put_rule(Name="inputs", EventPattern=json.dumps({"source": ["inputs"]}))

    with pytest.raises(ClientError, match=rf"\(ValidationException\).*{words}"):
        events.put_targets(Rule="inputs", Targets=[{"Id": "1", "Arn": queue.arn, **inputs}])
