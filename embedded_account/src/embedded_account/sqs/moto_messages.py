"""SQS: messages are sent, received and deleted by many at once without one being lost, whatever waits in the queue.

moto computes every attribute of the queue for each message that is sent or received, which counts all that wait, and
gives the queue another list when one is deleted, which loses what is sent meanwhile. It also draws the letters of a
receipt handle one by one, and copies all that a message holds to whoever receives it.
"""

import copy
from base64 import b64encode
from collections.abc import Collection
from typing import Any

from moto.moto_api._internal import mock_random
from moto.sqs import models
from moto.sqs.exceptions import InvalidParameterValue

from embedded_account.wiring.replacement import replace

_RECEIPT_BYTES = 138  # before base64, which makes 184 characters of them
_SENT = (
    "self", "queue_name", "message_body", "message_attributes", "delay_seconds", "deduplication_id", "group_id",
    "system_attributes", "validate_group_id",
)  # fmt: skip
_RECEIVED = ("self", "queue_name", "count", "wait_seconds_timeout", "visibility_timeout", "message_attribute_names")


def install() -> None:
    """Replace how moto's queues take, hand out and forget messages."""

    def send(  # noqa: PLR0913 (moto's own)
        self: Any,
        queue_name: str,
        message_body: str,
        message_attributes: dict[str, Any] | None = None,
        delay_seconds: int | None = None,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        system_attributes: dict[str, Any] | None = None,
        validate_group_id: bool = True,  # noqa: FBT001, FBT002 (moto's own)
    ) -> Any:
        queue = self.get_queue(queue_name)
        if queue.fifo_queue or deduplication_id or group_id:
            return sent(
                self, queue_name, message_body, message_attributes, delay_seconds, deduplication_id, group_id,
                system_attributes, validate_group_id,
            )  # fmt: skip
        delay = int(queue.delay_seconds if delay_seconds is None else delay_seconds)
        if delay > models.MAXIMUM_MESSAGE_DELAY:
            raise InvalidParameterValue(
                f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            )
        self._validate_message(queue, message_body=message_body, delay_seconds=delay)
        message = models.Message(str(mock_random.uuid4()), message_body, system_attributes)
        message.message_attributes = message_attributes or {}
        message.mark_sent(delay_seconds=delay)
        queue.add_message(message)
        return message

    def receive(  # noqa: PLR0913 (moto's own)
        self: Any,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> Any:
        with self.get_queue(queue_name)._messages_lock:  # which is let go while it waits for messages
            return received(self, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names)

    def is_retained(self: Any, queue_name: str, message: Any) -> bool:
        retained_seconds = int(self.get_queue(queue_name).message_retention_period)
        now = models.unix_time()  # type: ignore[attr-defined]  # the account's clock: see moto_clock.py
        return bool(now < message.sent_timestamp / 1000 + retained_seconds)

    def delete(self: Any, receipt_handle: str) -> None:
        with self._messages_lock:
            deleted(self, receipt_handle)

    def receipt_handle() -> str:
        return b64encode(mock_random.randbytes(_RECEIPT_BYTES)).decode()

    def copied(self: Any, _memo: dict[int, Any]) -> Any:
        return copy.copy(self)  # moto gives the copy attributes of its own, and changes nothing else of it

    models.Message.__deepcopy__ = copied  # type: ignore[attr-defined]  # not of moto
    replace(models, "generate_receipt_handle", receipt_handle, parameters=())
    sent = replace(models.SQSBackend, "send_message", send, parameters=_SENT)
    received = replace(models.SQSBackend, "receive_message", receive, parameters=_RECEIVED)
    replace(
        models.SQSBackend,
        "is_message_valid_based_on_retention_period",
        is_retained,
        parameters=("self", "queue_name", "message"),
    )
    deleted = replace(models.Queue, "delete_message", delete, parameters=("self", "receipt_handle"))


def delete_all(queue: Any, receipt_handles: Collection[str]) -> None:
    """Delete the messages that were received by these handles and not by others since."""
    with queue._messages_lock:
        done = [message for message in queue._messages if message.receipt_handle in receipt_handles]
        queue.pending_messages.difference_update(done)
        gone = set(map(id, done))
        queue._messages = [message for message in queue._messages if id(message) not in gone]
