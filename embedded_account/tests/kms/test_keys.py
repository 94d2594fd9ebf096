"""Keys: who rules one, in which state it may be changed, and when it is gone."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.errors import ServiceError
from embedded_account.kms.keys import Keys
from embedded_account.kms.operations import operations
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

ROOT = {"AWS": "arn:aws:iam::123456789012:root"}


@pytest.fixture
def kms(account: RunningAccount) -> Any:
    return account.client("kms")


def new_key(kms: Any, *statements: dict[str, Any]) -> str:
    """Return the ARN of a new key; with `statements` as its policy, else AWS's default one."""
    policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})} if statements else {}
    return str(kms.create_key(**policy, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"])


def test_root_may_do_to_a_key_what_its_policy_says(kms: Any) -> None:
    """Even root is bound by a key's policy.

    Source: KMS developer guide, "Key policies in AWS KMS".
    """
    allowed = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:DescribeKey", "Resource": "*"}
    key = new_key(kms, allowed)

    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    with pytest.raises(ClientError, match="not authorized to perform: kms:DisableKey") as refused:
        kms.disable_key(KeyId=key)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_role_may_use_a_key_that_leaves_it_to_iam(account: RunningAccount, kms: Any) -> None:
    """A role's policy counts only for keys whose policy names the account."""
    left_to_iam = new_key(kms)
    other = new_key(
        kms, {"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "*", "Resource": "*"}
    )
    client = Caller(account, allowed("kms:*")).client("kms")

    assert client.describe_key(KeyId=left_to_iam)["KeyMetadata"]["KeyState"] == "Enabled"
    with pytest.raises(ClientError, match="not authorized to perform: kms:DescribeKey"):
        client.describe_key(KeyId=other)


def test_a_key_pending_deletion_can_only_be_taken_back(kms: Any) -> None:
    """Nothing else changes it; taken back it is disabled, as on AWS."""
    key = new_key(kms)
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    assert scheduled["KeyState"] == "PendingDeletion"
    for operation in (kms.enable_key, kms.enable_key_rotation, kms.schedule_key_deletion):
        with pytest.raises(ClientError, match="KMSInvalidStateException"):
            operation(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_a_key_is_gone_when_its_waiting_time_is_over(tmp_path: Path) -> None:
    """It is there for the whole of the waiting time, on the account's clock."""
    account = Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())
    keys = Keys(account)
    table = operations(keys)
    key = table["CreateKey"]({})["KeyMetadata"]["KeyId"]
    table["ScheduleKeyDeletion"]({"KeyId": key, "PendingWindowInDays": 7})

    account.clock.advance(timedelta(days=7).total_seconds() - 60)
    assert table["DescribeKey"]({"KeyId": key})["KeyMetadata"]["KeyState"] == "PendingDeletion"
    account.clock.advance(120)
    with pytest.raises(ServiceError, match="does not exist"):
        table["DescribeKey"]({"KeyId": key})
    account.stop()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pictures", "Invalid keyId 'pictures'"),
        (
            "5879c5ee-5f59-4f97-bc99-2f84dd553cc6",
            "Key 'arn:aws:kms:us-east-1:123456789012:key/5879c5ee-5f59-4f97-bc99-2f84dd553cc6' does not exist",
        ),
    ],
)
def test_missing_key_is_told_from_what_is_no_id(kms: Any, name: str, message: str) -> None:
    """As AWS answers. Source: KMS API reference, DescribeKey: NotFoundException."""
    with pytest.raises(ClientError, match=rf"\(NotFoundException\).*{message}"):
        kms.describe_key(KeyId=name)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (lambda kms, _: kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"), r"CreateKey\.KeySpec: 'RSA_2048'"),
        (lambda kms, _: kms.create_key(MultiRegion=True), r"CreateKey\.MultiRegion"),
        (lambda kms, _: kms.create_key(Policy="{}"), "MalformedPolicyDocumentException"),
        (lambda kms, key: kms.put_key_policy(KeyId=key, Policy="[]"), "MalformedPolicyDocumentException"),
        (lambda kms, key: kms.generate_data_key(KeyId=key, KeySpec="AES_256"), "kms:GenerateDataKey"),
        (lambda kms, key: kms.create_alias(AliasName="alias/a", TargetKeyId=key), "kms:CreateAlias"),
        (lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=6), "6; it must be from 7 to 30"),
        (lambda kms, key: kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90), "RotationPeriodInDays"),
        (lambda kms, _: kms.describe_key(KeyId=str(uuid.UUID(int=0))), "NotFoundException"),
    ],
)
def test_what_is_not_carried_out_is_refused(kms: Any, request_: Callable[[Any, str], Any], message: str) -> None:
    """Each refusal names what it is about."""
    with pytest.raises(ClientError, match=message):
        request_(kms, new_key(kms))
