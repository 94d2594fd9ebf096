"""SQS: a queue's dead letters go to a queue of its own kind, after a number of receives that there can be.

Source: Amazon SQS API reference, SetQueueAttributes, RedrivePolicy; developer guide, "Using dead-letter queues".
"""

import json
from collections.abc import Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.wiring.serving import check

_RECEIVES = range(1, 1001)
_FIFO = ".fifo"


def install(account: Account) -> None:
    """Look at each redrive policy; what moto refuses in one is left to it."""
    check(account, "sqs", {"CreateQueue": _check, "SetQueueAttributes": _check})


def _check(params: dict[str, Any]) -> None:
    text = params.get("Attributes", {}).get("RedrivePolicy")
    policy = _parsed(text)
    name = str(params.get("QueueName") or params.get("QueueUrl") or "")
    if "maxReceiveCount" in policy:
        _check_receives(str(policy["maxReceiveCount"]), text)
    dead_letters = str(policy.get("deadLetterTargetArn") or "")
    if dead_letters and dead_letters.endswith(_FIFO) != name.endswith(_FIFO):
        raise _invalid(text, "Dead-letter queue must be same type of queue as the source.")


def _check_receives(count: str, text: Any) -> None:
    if not count.isdecimal() or int(count) not in _RECEIVES:
        reason = f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        raise _invalid(text, reason)


def _parsed(text: Any) -> Mapping[str, Any]:
    try:
        policy = json.loads(text or "{}")
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _invalid(text: Any, reason: str) -> ServiceError:
    return ServiceError(
        "InvalidParameterValue", f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"
    )
