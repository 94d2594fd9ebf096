"""Queues hand on the trace header of the call that sent a message, so that a circle through a queue is seen."""

from typing import Any

from moto.sqs.models import Queue

from embedded_account.lambda_.recursion import caller_trace
from embedded_account.wiring.replacement import replace


def install() -> None:
    """Keep each message's trace, as SQS does in AWSTraceHeader."""

    def add(self: Any, message: Any) -> None:
        header = caller_trace.get()
        if header and "AWSTraceHeader" not in message.system_attributes and not message.approximate_receive_count:
            message.system_attributes["AWSTraceHeader"] = {"data_type": "String", "string_value": header}
        added(self, message)

    added = replace(Queue, "add_message", add, parameters=("self", "message"))
