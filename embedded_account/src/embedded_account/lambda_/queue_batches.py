"""A batch of a queue's messages: the event that a function gets, and which of them it has dealt with."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from embedded_account.lambda_.invoker import MAX_SYNC_BYTES

_ENVELOPE_BYTES = 14  # {"Records": []}


def record(message: Any, queue_arn: str) -> dict[str, Any]:
    """Return one of moto's messages as a function gets it. Source: Lambda developer guide, "Using Lambda with SQS"."""
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    optional = {
        "SequenceNumber": message.sequence_number,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
        "AWSTraceHeader": trace(message),
    }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes | {name: value for name, value in optional.items() if value},
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def trace(message: Any) -> str:
    """Return the trace header of the call that sent the message, or ""."""
    header = (message.system_attributes or {}).get("AWSTraceHeader") or {}
    return str(header.get("string_value") or header.get("StringValue") or "")


def events(messages: Sequence[Any], queue_arn: str) -> Iterator[tuple[list[Any], bytes]]:
    """Yield the messages with the event for them, in as many as it takes for none to pass what an invocation takes."""
    taken: list[Any] = []
    records: list[str] = []
    size = _ENVELOPE_BYTES
    for message in messages:
        text = json.dumps(record(message, queue_arn))
        if records and size + len(text) > MAX_SYNC_BYTES:
            yield taken, _event(records)
            taken, records, size = [], [], _ENVELOPE_BYTES
        taken.append(message)
        records.append(text)
        size += len(text) + 2
    if records:
        yield taken, _event(records)


def _event(records: Sequence[str]) -> bytes:
    return f'{{"Records": [{", ".join(records)}]}}'.encode()


def failed(answer: bytes, messages: Sequence[Any]) -> set[str]:
    """Return the ids of the messages that a function's answer reports as failed; all of them if it is not valid.

    Source: Lambda developer guide, "Implementing partial batch responses", success and failure conditions.
    """
    ids = {message.id for message in messages}
    try:
        value = json.loads(answer or b"null")
    except ValueError:
        return ids
    if value is None or value == {}:
        return set()
    reported = value.get("batchItemFailures", ids) if isinstance(value, dict) else ids
    if reported is None:
        return set()
    if not isinstance(reported, list):
        return ids
    named = [one.get("itemIdentifier") if isinstance(one, dict) else None for one in reported]
    return set(map(str, named)) if all(isinstance(name, str) and name in ids for name in named) else ids


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """Return a message attribute as functions get it, from moto's spelling of it or SQS's own."""
    text = value.get("StringValue", value.get("string_value"))
    data = value.get("BinaryValue", value.get("binary_value"))
    given = {"stringValue": text, "binaryValue": data.decode() if isinstance(data, bytes) else data}
    kept = {name: one for name, one in given.items() if one is not None}
    return kept | {
        "stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType", value.get("data_type")),
    }  # fmt: skip
