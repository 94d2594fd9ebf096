"""SNS: a text that is no ARN, protocol, address or token of a page is refused by the member that it was given for.

Source: SNS API reference, "Errors" of Publish, Subscribe and ListTopics: InvalidParameter; Subscribe, Protocol.
"""

import re
from typing import Any

from moto.sns.models import SNSBackend

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.wiring.replacement import replace
from embedded_account.wiring.serving import check

_NUM_ELEMENTS = 6
_PROTOCOLS = frozenset({"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"})
_PAGED = ("ListTopics", "ListSubscriptions", "ListSubscriptionsByTopic")


def install(account: Account) -> None:
    """Look at the ARNs of topics and of those who subscribe to them."""

    def get_topic(self: Any, arn: str | None) -> Any:
        if arn is None:  # Publish without a place
            reason = "TopicArn or TargetArn Reason: no value for required parameter"
            raise ServiceError("InvalidParameter", f"Invalid parameter: {reason}")
        _require_arn("TopicArn", arn)
        return original(self, arn)

    original = replace(SNSBackend, "get_topic", get_topic, parameters=("self", "arn"))
    check(account, "sns", {"Subscribe": _check_subscription, "Publish": _check_topic, "DeleteTopic": _check_topic})
    check(account, "sns", dict.fromkeys(_PAGED, _check_token))


def _check_subscription(params: dict[str, Any]) -> None:
    _check_topic(params)
    protocol, endpoint = str(params.get("Protocol")), str(params.get("Endpoint") or "")
    if protocol not in _PROTOCOLS:
        words = f"Invalid parameter: Amazon SNS does not support this protocol string: {protocol}"
        raise ServiceError("InvalidParameter", words)
    if protocol == "lambda":
        _require_arn("Endpoint", endpoint)
    if protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        raise ServiceError("InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol")
    if protocol in ("email", "email-json") and "@" not in endpoint:
        raise ServiceError("InvalidParameter", "Invalid parameter: Email address")


def _check_topic(params: dict[str, Any]) -> None:
    if params.get("TopicArn"):
        _require_arn("TopicArn", str(params["TopicArn"]))


def _check_token(params: dict[str, Any]) -> None:
    if not re.fullmatch(r"\d*", str(params.get("NextToken", "")), re.ASCII):
        raise ServiceError("InvalidParameter", "Invalid parameter: NextToken")


def _require_arn(member: str, text: str) -> None:
    num_elements = len(text.split(":"))
    if not text.startswith("arn:") or num_elements < _NUM_ELEMENTS:
        raise ServiceError(
            "InvalidParameter",
            f"Invalid parameter: {member} Reason: An ARN must have at least 6 elements, not {num_elements}",
        )
