"""Messages on their way from a topic to a queue or a function.

Source: SNS developer guide, "Subscribing an Amazon SQS queue to an Amazon SNS topic", "Fanout to Lambda functions" and
"Monitoring Amazon SNS topics using CloudWatch"; Lambda developer guide, "Invoking Lambda functions with Amazon SNS
notifications".
"""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.permissions import Permissions, refusal
from embedded_account.identity import Principal
from embedded_account.lambda_.asynchronous import EventQueue
from embedded_account.lambda_.invoker import Invoker
from embedded_account.lambda_.recursion import caller_trace

logger = logging.getLogger("embedded_account.sns")

_SERVICE = "sns.amazonaws.com"
_ACTIONS = {"sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction"}


class Deliveries:
    """Decides on what a topic sends, and brings it to functions."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._permissions = account.singleton(Permissions)

    def is_allowed(self, topic_arn: str, protocol: str, endpoint: str) -> bool:
        """Return whether the policy of the queue or the function lets the topic reach it; a refusal is logged."""
        name = topic_arn.rpartition(":")[2]
        if protocol not in _ACTIONS:
            return True
        principal, need = Principal("", "", _SERVICE, topic_arn), Need(_ACTIONS[protocol], endpoint)
        decision = self._permissions.decide(principal, need)
        metric = "NumberOfNotificationsDelivered" if decision.is_allowed else "NumberOfNotificationsFailed"
        self._account.put_metric("AWS/SNS", metric, 1.0, "Count", {"TopicName": name})
        if not decision.is_allowed:
            logger.warning("a message of %s is lost: %s", topic_arn, refusal(principal, need, decision))
        return decision.is_allowed

    def invoke(self, arn: str, subscription_arn: str, notification: Mapping[str, Any]) -> None:
        """Queue an event of `notification` for the function; SNS invokes asynchronously."""
        event = {"Records": [_record(subscription_arn, notification)]}
        try:
            target = self._account.singleton(Invoker).resolve(arn)
        except ServiceError as error:
            logger.warning("a message for %s is lost: %s", arn, error)
            return
        queue = self._account.singleton(EventQueue)
        queue.add(target, json.dumps(event).encode(), str(uuid.uuid4()), caller_trace.get(""))


def _record(subscription_arn: str, notification: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of one message, as a function gets it."""
    sent = dict(notification)
    for name in ("SigningCert", "Unsubscribe"):
        sent[f"{name}Url"] = sent.pop(f"{name}URL")
    sent.setdefault("Subject", None)
    sent.setdefault("MessageAttributes", {})
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "Sns": sent,
    }
