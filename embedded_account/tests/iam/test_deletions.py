"""DeleteObjects by a caller who may not delete everything. Source: Amazon S3 API reference, DeleteObjects."""

import base64
import hashlib
import uuid
from typing import Any

import pytest
import requests
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


def test_no_spelling_of_a_key_passes_by_a_denial(account: RunningAccount, bucket: str) -> None:
    """A namespace, an attribute and the order of an object's elements change nothing of who may delete it."""
    caller = Caller(account, allowed("s3:DeleteObject"))
    body = (
        '<s:Delete xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"><s:Object><s:Key>free/a</s:Key></s:Object>'
        "<s:Object><s:VersionId>null</s:VersionId><s:Key>free/d</s:Key></s:Object></s:Delete>"
    )
    s3 = caller.client("s3")
    s3.meta.events.register("before-sign.s3.DeleteObjects", lambda request, **_: _send(request, body))

    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "x"}]})

    assert [entry["Key"] for entry in answer["Deleted"]] == ["free/a"]
    assert [(entry["Key"], entry["VersionId"], entry["Code"]) for entry in answer["Errors"]] == [
        ("free/d", "null", "AccessDenied")
    ]


def test_deletion_of_no_keys_is_malformed(account: RunningAccount, bucket: str) -> None:
    """It is no permission that is missing."""
    s3 = account.client("s3")

    with pytest.raises(s3.exceptions.ClientError, match="MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": []})


def _send(request: Any, body: str) -> None:
    """Let a request have another body, and the headers that go with it."""
    request.data = body.encode()
    for name in [name for name in request.headers if name.lower().startswith(("x-amz-checksum", "content-md5"))]:
        del request.headers[name]
    request.headers["Content-MD5"] = base64.b64encode(hashlib.md5(request.data).digest()).decode()  # noqa: S324


@pytest.mark.parametrize("key", ["nothing", "%61"])
def test_errors_of_s3_repeat_their_ids(account: RunningAccount, bucket: str, key: str) -> None:
    """Signed or not, whoever answers.

    Source: Amazon S3 API reference, "Error responses": RequestId and HostId.
    """
    url = account.client("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})

    answers = [requests.get(one, timeout=30) for one in (url, url.partition("?")[0])]

    assert [answer.status_code for answer in answers] == [404, 403]
    for answer in answers:
        assert f"<RequestId>{answer.headers['x-amz-request-id']}</RequestId>" in answer.text
        assert f"<HostId>{answer.headers['x-amz-id-2']}</HostId>" in answer.text


def test_answers_of_s3_have_two_ids(account: RunningAccount, bucket: str) -> None:
    """x-amz-request-id and x-amz-id-2, which support asks for; boto3 shows both.

    Source: Amazon S3 API reference, "Common response headers".
    """
    metadata = account.client("s3").list_objects_v2(Bucket=bucket)["ResponseMetadata"]

    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amz-request-id"]
    assert len(metadata["HostId"]) == 76
