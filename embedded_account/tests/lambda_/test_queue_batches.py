"""What a function gets of a queue, and what its answer says of the messages."""

import json

import pytest
from embedded_account.lambda_.queue_batches import events, failed, record
from moto.sqs.models import Message

_ARN = "arn:aws:sqs:us-east-1:123456789012:orders"


def _message(body: str = "hello") -> Message:
    message = Message("id-" + body[:8], body)
    message.mark_sent()
    message.mark_received(30)
    return message


def test_record_has_the_members_of_a_recorded_one() -> None:
    """The names and types are those of the event that AWS's guide shows.

    Source: Lambda developer guide, "Using Lambda with Amazon SQS", example event.
    """
    message = _message()
    message.message_attributes = {"colour": {"data_type": "String", "string_value": "red"}}

    shown = record(message, _ARN)

    assert {name: shown[name] for name in ("messageId", "body", "eventSource", "eventSourceARN", "awsRegion")} == {
        "messageId": "id-hello", "body": "hello", "eventSource": "aws:sqs", "eventSourceARN": _ARN,
        "awsRegion": "us-east-1",
    }  # fmt: skip
    assert shown["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert shown["attributes"].keys() == {
        "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp",
    }  # fmt: skip
    assert all(isinstance(value, str) for value in shown["attributes"].values())
    assert shown["messageAttributes"]["colour"] == {
        "stringValue": "red", "stringListValues": [], "binaryListValues": [], "dataType": "String",
    }  # fmt: skip


def test_batch_beyond_six_megabytes_takes_several_invocations() -> None:
    """No message is left out, and none comes twice."""
    messages = [_message(f"{number:08}" + "x" * 250_000) for number in range(60)]

    parts = list(events(messages, _ARN))

    assert len(parts) == 3
    assert [message for part, _ in parts for message in part] == messages
    for part, event in parts:
        assert len(event) <= 6_291_456
        assert [one["body"] for one in json.loads(event)["Records"]] == [message.body for message in part]


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (b"", set()),
        (b"null", set()),
        (b"{}", set()),
        (b'{"batchItemFailures": []}', set()),
        (b'{"batchItemFailures": null}', set()),
        (b'{"batchItemFailures": [{"itemIdentifier": "id-b"}]}', {"id-b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', {"id-a", "id-b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', {"id-a", "id-b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "other"}]}', {"id-a", "id-b"}),
        (b'{"batchItemFailures": [{"messageId": "id-a"}]}', {"id-a", "id-b"}),
        (b'{"batchItemFailures": "id-a"}', {"id-a", "id-b"}),
        (b'{"failures": []}', {"id-a", "id-b"}),
        (b'"done"', {"id-a", "id-b"}),
        (b"not JSON", {"id-a", "id-b"}),
    ],
)
def test_answer_that_is_not_valid_fails_the_whole_batch(answer: bytes, left: set[str]) -> None:
    """A message that is not understood to be done comes again.

    Source: Lambda developer guide, "Implementing partial batch responses", success and failure conditions.
    """
    assert failed(answer, [_message("a"), _message("b")]) == left
