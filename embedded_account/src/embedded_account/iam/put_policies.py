"""Refuses a policy of a queue, a topic, a key or a role's trust that nobody could read, when it is put.

It would lock out even root.
Source: API references of SQS (SetQueueAttributes), SNS (SetTopicAttributes), KMS (PutKeyPolicy) and IAM ("Grammar of
the IAM JSON policy language"). Buckets' policies are looked at where S3's requests are decided on.
"""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.documents import Policy
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.wiring.serving import check


def install(account: Account) -> None:
    """Look at each policy that is put."""
    check(account, "sqs", dict.fromkeys(("CreateQueue", "SetQueueAttributes"), _check_queue))
    check(account, "sns", {"CreateTopic": _check_topic, "SetTopicAttributes": _check_topic_attribute})
    check(account, "iam", {"CreateRole": _check_trust, "UpdateAssumeRolePolicy": _check_trust})
    check(account, "kms", dict.fromkeys(("CreateKey", "PutKeyPolicy"), _check_key))


def _check_queue(params: dict[str, Any]) -> None:
    _parse(
        params.get("Attributes", {}).get("Policy"), "InvalidAttributeValue", "Invalid value for the parameter Policy."
    )


def _check_topic(params: dict[str, Any]) -> None:
    _parse(params.get("Attributes", {}).get("Policy"), "InvalidParameter", "Invalid parameter: Policy Error:")


def _check_topic_attribute(params: dict[str, Any]) -> None:
    if params.get("AttributeName") == "Policy":
        _parse(params.get("AttributeValue"), "InvalidParameter", "Invalid parameter: Policy Error:")


def _check_trust(params: dict[str, Any]) -> None:
    text = params.get("AssumeRolePolicyDocument") or params.get("PolicyDocument")
    _parse(text, "MalformedPolicyDocument", "This policy contains invalid Json or has an error:")


def _check_key(params: dict[str, Any]) -> None:
    _parse(params.get("Policy"), "MalformedPolicyDocumentException", "The new key policy is not valid:")


def _parse(text: str | None, code: str, message: str) -> None:
    try:
        if text:
            Policy.parse(text)
    except MalformedPolicyError as error:
        raise ServiceError(code, f"{message} {error}") from error
