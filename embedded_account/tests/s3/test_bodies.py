"""A body that has to be XML and is none is a 400."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.raw import send

pytestmark = pytest.mark.account


@pytest.mark.parametrize("body", [b"no XML", b"<a>", b"<a></b>"])
@pytest.mark.parametrize(
    ("method", "query"),
    [("POST", "k?uploadId={upload}"), ("POST", "?delete="), ("PUT", "?lifecycle=")],
)
def test_body_that_is_no_xml_is_refused(
    account: RunningAccount, aws: Callable[[str], Any], method: str, query: str, body: bytes
) -> None:
    """Source: Amazon S3 API reference, "Error responses": MalformedXML."""
    bucket = f"bodies-{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket)
    upload = aws("s3").create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    path = f"/{bucket}/{query.format(upload=upload)}"

    headers = {"Content-Type": "text/xml", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    status, answer = send(account.info, "s3", body, method=method, path=path, headers=headers)

    assert (status, b"<Code>MalformedXML</Code>" in answer) == (400, True)
