"""The operations on keys. What encrypts is not among them: the account's services use keys, callers do not.

Source: AWS KMS API reference, each operation's page; developer guide, "Key states of AWS KMS keys".
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.kms.keys import Key, Keys
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_CREATED: Mapping[str, tuple[Any, ...]] = {
    "BypassPolicyLockoutSafetyCheck": (),
    "Policy": (),
    "Description": (),
    "Tags": (),
    "KeyUsage": ("ENCRYPT_DECRYPT",),
    "KeySpec": ("SYMMETRIC_DEFAULT",),
    "CustomerMasterKeySpec": ("SYMMETRIC_DEFAULT",),
    "Origin": ("AWS_KMS",),
}
_WINDOW_DAYS = range(7, 31)


def operations(keys: Keys) -> dict[str, Operation]:
    """Return the operations by their names."""
    return {
        "CreateKey": lambda params: _create(keys, params),
        "DescribeKey": lambda params: {"KeyMetadata": metadata(keys, keys.get(params["KeyId"]))},
        "ListKeys": lambda params: _list(keys, params),
        "GetKeyPolicy": lambda params: _policy(keys, params),
        "PutKeyPolicy": lambda params: _put_policy(keys, params),
        "UpdateKeyDescription": lambda params: _set(keys, params, description=params["Description"]),
        "EnableKey": lambda params: _set(keys, params, is_enabled=True),
        "DisableKey": lambda params: _set(keys, params, is_enabled=False),
        "EnableKeyRotation": lambda params: _rotate(keys, params, rotates=True),
        "DisableKeyRotation": lambda params: _rotate(keys, params, rotates=False),
        "GetKeyRotationStatus": lambda params: _rotation(keys, params),
        "ScheduleKeyDeletion": lambda params: _schedule_deletion(keys, params),
        "CancelKeyDeletion": lambda params: _cancel_deletion(keys, params),
        "TagResource": lambda params: _tag(keys, params),
        "UntagResource": lambda params: _untag(keys, params),
        "ListResourceTags": lambda params: _tags(keys, params),
    }


def metadata(keys: Keys, key: Key) -> dict[str, Any]:
    """Return what DescribeKey tells of a key."""
    told = {
        "AWSAccountId": keys.account.account_id,
        "KeyId": key.key_id,
        "Arn": key.arn,
        "CreationDate": key.created_at,
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }
    return told if key.deletion_at is None else {**told, "DeletionDate": key.deletion_at}


def _create(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    refuse("CreateKey", params, _CREATED)
    key = keys.create(params.get("Policy", ""), params.get("Description", ""), _tag_map(params))
    return {"KeyMetadata": metadata(keys, key)}


def _list(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    refuse("ListKeys", params, ())
    return {"Keys": [{"KeyId": key.key_id, "KeyArn": key.arn} for key in keys.all()], "Truncated": False}


def _policy(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    _check_policy_name(params)
    return {"Policy": keys.get(params["KeyId"]).policy, "PolicyName": "default"}


def _put_policy(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    refuse("PutKeyPolicy", params, {"BypassPolicyLockoutSafetyCheck", "KeyId", "Policy", "PolicyName"})
    _check_policy_name(params)
    keys.get(params["KeyId"]).policy = params["Policy"]
    return {}


def _set(keys: Keys, params: dict[str, Any], **members: Any) -> dict[str, Any]:
    vars(_not_pending(keys, params)).update(members)
    return {}


def _rotate(keys: Keys, params: dict[str, Any], *, rotates: bool) -> dict[str, Any]:
    refuse("EnableKeyRotation", params, {"KeyId"})
    key = _not_pending(keys, params)
    if not key.is_enabled:
        raise ServiceError("DisabledException", f"{key.arn} is disabled.")
    key.rotates = rotates
    return {}


def _rotation(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    key = keys.get(params["KeyId"])
    rotates = key.rotates and key.deletion_at is None
    return {"KeyId": key.arn, "KeyRotationEnabled": rotates} | ({"RotationPeriodInDays": 365} if rotates else {})


def _schedule_deletion(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    days = params.get("PendingWindowInDays", 30)
    if days not in _WINDOW_DAYS:
        raise ServiceError("ValidationException", f"PendingWindowInDays: {days}; it must be from 7 to 30")
    key = _not_pending(keys, params)
    key.is_enabled = False
    key.deletion_at = keys.account.clock.now() + timedelta(days=days)
    return {
        "KeyId": key.arn,
        "DeletionDate": key.deletion_at,
        "KeyState": key.state,
        "PendingWindowInDays": days,
    }


def _cancel_deletion(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    key = keys.get(params["KeyId"])
    if key.deletion_at is None:
        raise ServiceError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
    key.deletion_at = None
    return {"KeyId": key.arn}


def _tag(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    _not_pending(keys, params).tags.update(_tag_map(params))
    return {}


def _untag(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    tags = _not_pending(keys, params).tags
    for name in params["TagKeys"]:
        tags.pop(name, None)
    return {}


def _tags(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    tags = keys.get(params["KeyId"]).tags
    return {"Tags": [{"TagKey": name, "TagValue": value} for name, value in tags.items()], "Truncated": False}


def _tag_map(params: dict[str, Any]) -> dict[str, str]:
    return {tag["TagKey"]: tag["TagValue"] for tag in params.get("Tags", [])}


def _not_pending(keys: Keys, params: dict[str, Any]) -> Key:
    key = keys.get(params["KeyId"])
    if key.deletion_at is not None:
        raise ServiceError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    return key


def _check_policy_name(params: dict[str, Any]) -> None:
    if params.get("PolicyName", "default") != "default":
        raise ServiceError("NotFoundException", "No such policy exists")
