"""Refuses a policy of a queue, topic, key, bucket, of logs or of a role's trust as its service does when it is put.

What nobody could read would lock out even root; who is named has to be there; and where it is known which actions a
service takes in its policies, others are refused. Actions are not looked up in policies of queues, keys and logs, nor
in those of identities: KMS and IAM take any.
Source: API references of SQS (SetQueueAttributes), SNS (SetTopicAttributes), KMS (PutKeyPolicy), CloudWatch Logs
(PutResourcePolicy) and IAM (CreateRole; "Grammar of the IAM JSON policy language"); SNS developer guide, "Access
control use cases"; KMS developer guide, "Default key policy", on the lockout safety check.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.bucket_policies import check_bucket_policy
from embedded_account.iam.documents import Policy
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.named_principals import named_principals, unknown_principals
from embedded_account.iam.patterns import matches
from embedded_account.iam.permissions import Permissions
from embedded_account.identity import Principal
from embedded_account.wiring.serving import check

_OF_TOPICS = frozenset(
    f"sns:{name}"
    for name in (
        "addpermission", "deletetopic", "getdataprotectionpolicy", "gettopicattributes", "listsubscriptionsbytopic",
        "listtagsforresource", "publish", "putdataprotectionpolicy", "receive", "removepermission",
        "settopicattributes", "subscribe", "tagresource", "untagresource",
    )
)  # fmt: skip
_OF_TRUST = frozenset(
    f"sts:{name}"
    for name in (
        "assumerole", "assumerolewithsaml", "assumerolewithwebidentity", "setcontext", "setsourceidentity",
        "tagsession",
    )
)  # fmt: skip
_WHOLE = frozenset({"*", "sns:*", "sts:*"})  # patterns that stand for actions beyond those


@dataclass(frozen=True)
class _Words:
    """How a service refuses a policy: its code, and what its message begins with."""

    code: str
    malformed: str
    principal: str


_QUEUE = _Words(
    "InvalidAttributeValue", "Invalid value for the parameter Policy.", "Invalid value for the parameter Policy."
)
_TOPIC = _Words(
    "InvalidParameter", "Invalid parameter: Policy Error:", "Invalid parameter: Policy Error: PrincipalNotFound"
)
_TRUST = _Words(
    "MalformedPolicyDocument", "This policy contains invalid Json or has an error:", "Invalid principal in policy:"
)
_KEY = _Words(
    "MalformedPolicyDocumentException",
    "The new key policy is not valid:",
    "Policy contains a statement with one or more invalid principals.",
)
_LOGS = _Words(
    "InvalidParameterException", "Could not convert to persistable policy.", "Could not convert to persistable policy."
)
_BUCKET = _Words("MalformedPolicy", "", "Invalid principal in policy:")


class PutPolicies:
    """Looks at each policy that is put; `caller` tells who puts it."""

    def __init__(self, account: Account, caller: Callable[[], Principal]) -> None:
        self._account = account
        self._permissions = account.singleton(Permissions)
        self._caller = caller

    def install(self) -> None:
        """Look at each policy that is put from now on, but those of buckets, which S3's own requests have."""
        check(self._account, "sqs", dict.fromkeys(("CreateQueue", "SetQueueAttributes"), self._check_queue))
        check(self._account, "sns", {"CreateTopic": self._check_topic, "SetTopicAttributes": self._check_attribute})
        check(self._account, "iam", dict.fromkeys(("CreateRole", "UpdateAssumeRolePolicy"), self._check_trust))
        check(self._account, "kms", dict.fromkeys(("CreateKey", "PutKeyPolicy"), self._check_key))
        check(self._account, "logs", {"PutResourcePolicy": self._check_logs})

    def check_bucket(self, text: str, bucket: str) -> None:
        """Return when S3 would take `text` as the policy of `bucket`.

        Raises:
            ServiceError: it would not.
        """
        policy = self._sound(text, _BUCKET)
        try:
            check_bucket_policy(policy, bucket)
        except MalformedPolicyError as error:
            raise ServiceError(_BUCKET.code, str(error)) from error

    def _check_queue(self, params: dict[str, Any]) -> None:
        text = params.get("Attributes", {}).get("Policy")
        if text:
            self._sound(text, _QUEUE)

    def _check_topic(self, params: dict[str, Any]) -> None:
        self._check_topic_policy(params.get("Attributes", {}).get("Policy"))

    def _check_attribute(self, params: dict[str, Any]) -> None:
        if params.get("AttributeName") == "Policy":
            self._check_topic_policy(params.get("AttributeValue"))

    def _check_topic_policy(self, text: str | None) -> None:
        if text and not _has_only(self._sound(text, _TOPIC), _OF_TOPICS):
            raise ServiceError(_TOPIC.code, "Invalid parameter: Policy statement action out of service scope!")

    def _check_trust(self, params: dict[str, Any]) -> None:
        text = params.get("AssumeRolePolicyDocument") or params.get("PolicyDocument")
        if not text:
            return
        policy = self._sound(text, _TRUST)
        if not _has_only(policy, _OF_TRUST):
            raise ServiceError(_TRUST.code, "AssumeRole policy may only specify STS AssumeRole actions.")
        if any(not {"Resource", "NotResource"}.isdisjoint(statement) for statement in _statements(text)):
            raise ServiceError(_TRUST.code, "Has prohibited field Resource")

    def _check_key(self, params: dict[str, Any]) -> None:
        text = params.get("Policy")
        if not text:
            return
        policy = self._sound(text, _KEY)
        need = Need("kms:PutKeyPolicy", self._key_arn(params), {"kms:CallerAccount": self._account.account_id})
        is_checked = params.get("BypassPolicyLockoutSafetyCheck") is not True
        if is_checked and not self._permissions.would_allow(self._caller(), need, policy):
            raise ServiceError(
                _KEY.code, "The new key policy will not allow you to update the key policy in the future."
            )

    def _key_arn(self, params: dict[str, Any]) -> str:
        """Return the ARN of the key in a request; one that is made now has an id that no policy can name."""
        name = str(params.get("KeyId") or "new")
        where = f"arn:aws:kms:{self._account.region}:{self._account.account_id}"
        return name if name.startswith("arn:") else f"{where}:key/{name}"

    def _check_logs(self, params: dict[str, Any]) -> None:
        text = params.get("policyDocument")
        named = named_principals(self._sound(text, _LOGS)) if text else []
        for _, value in named:
            if value.startswith("arn:"):
                raise ServiceError(_LOGS.code, f"{_LOGS.principal} {value!r} is an ARN; name the account")

    def _sound(self, text: str, words: _Words) -> Policy:
        """Return the policy, all of whose statements can be read and name who is there.

        Raises:
            ServiceError: it is no such policy.
        """
        try:
            policy = Policy.parse(text)
        except MalformedPolicyError as error:
            raise ServiceError(words.code, f"{words.malformed} {error}".strip()) from error
        if any(statement.principals is None for statement in policy.statements):
            raise ServiceError(words.code, f"{words.malformed} Missing required field Principal".strip())
        unknown = unknown_principals(self._account, policy)
        if unknown:
            kind, value = unknown[0]
            raise ServiceError(words.code, f'{words.principal} "{kind.upper()}":"{value}"')
        return policy


def _has_only(policy: Policy, actions: frozenset[str]) -> bool:
    """Return whether every action that the policy names is one of `actions`, or a pattern for some of them."""
    named = [action for statement in policy.statements for action in statement.actions]
    return all(one not in _WHOLE and any(matches(one, action) for action in actions) for one in named)


def _statements(text: str) -> list[dict[str, Any]]:
    listed = json.loads(text)["Statement"]
    return listed if isinstance(listed, list) else [listed]
