"""KMS.

Source: Service Authorization Reference, AWS Key Management Service.
"""

from embedded_account.iam.actions.rules import ANY, Call, Rule, each, on


def _key(call: Call) -> list[str]:
    name = str(call.get("KeyId") or "")
    return [name if name.startswith("arn:") else call.arn(f"key/{name}")]


def _caller(call: Call) -> dict[str, str]:
    return {"kms:CallerAccount": call.account_id}


_KEY = on(_key).knowing(_caller)
KMS: dict[str, Rule] = {
    "CreateKey": ANY.knowing(_caller).tagging("kms:TagResource"),
    "ListKeys": ANY.knowing(_caller),
    **each(
        """DescribeKey GetKeyPolicy PutKeyPolicy UpdateKeyDescription EnableKey DisableKey EnableKeyRotation
        DisableKeyRotation GetKeyRotationStatus CancelKeyDeletion TagResource UntagResource ListResourceTags""",
        _KEY,
    ),
    "ScheduleKeyDeletion": _KEY.where(kms__ScheduleKeyDeletionPendingWindowInDays="PendingWindowInDays"),
}
