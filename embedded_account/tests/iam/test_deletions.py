"""DeleteObjects by a caller who may not delete everything. Source: Amazon S3 API reference, DeleteObjects."""

import uuid
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

_KEYS = ("free/a", "kept/b & c", "free/d")


@pytest.fixture
def bucket(account: RunningAccount) -> str:
    """Give a bucket with three objects."""
    name, s3 = f"deletions-{uuid.uuid4().hex[:8]}", account.client("s3")
    s3.create_bucket(Bucket=name)
    for key in _KEYS:
        s3.put_object(Bucket=name, Key=key, Body=b"")
    return name


def _deleted(account: RunningAccount, bucket: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    caller = Caller(account, *statements)
    answer: dict[str, Any] = caller.client("s3").delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": key} for key in _KEYS]}
    )
    return answer


def _left(account: RunningAccount, bucket: str) -> list[str]:
    return [entry["Key"] for entry in account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_key_that_is_denied_is_an_error_of_its_own(account: RunningAccount, bucket: str) -> None:
    """The request succeeds; the other keys are deleted."""
    denied = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/kept/*"}

    answer = _deleted(account, bucket, [allowed("s3:*"), denied])

    assert [entry["Key"] for entry in answer["Deleted"]] == ["free/a", "free/d"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [("kept/b & c", "AccessDenied")]
    assert _left(account, bucket) == ["kept/b & c"]


def test_nothing_is_deleted_for_whom_may_delete_nothing(account: RunningAccount, bucket: str) -> None:
    """Every key has its error."""
    answer = _deleted(account, bucket, [allowed("s3:GetObject")])

    assert len(answer["Errors"]) == 3
    assert "Deleted" not in answer
    assert len(_left(account, bucket)) == 3


def test_answers_of_s3_have_two_ids(account: RunningAccount, bucket: str) -> None:
    """x-amz-request-id and x-amz-id-2, which support asks for; boto3 shows both.

    Source: Amazon S3 API reference, "Common response headers".
    """
    metadata = account.client("s3").list_objects_v2(Bucket=bucket)["ResponseMetadata"]

    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amz-request-id"]
    assert len(metadata["HostId"]) == 76
