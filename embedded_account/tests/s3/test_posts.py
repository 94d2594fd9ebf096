"""Uploads by a browser's form. Source: Amazon S3 API reference, "POST Object"; answers of S3 that others recorded."""

import uuid
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from botocore.config import Config
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

pytestmark = pytest.mark.account


@pytest.fixture(scope="module")
def bucket(account: RunningAccount) -> str:
    """Give a bucket whose rules let pages of one origin upload."""
    name, s3 = f"posts-{uuid.uuid4().hex[:8]}", account.client("s3")
    s3.create_bucket(Bucket=name)
    rule = {"AllowedOrigins": ["https://page.example"], "AllowedMethods": ["POST"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})
    return name


@pytest.fixture(scope="module")
def s3(account: RunningAccount) -> Any:
    """Give a client whose forms are signed by Version 4; the account's own signs them by Version 2, as boto3 does."""
    return account.client("s3", config=Config(signature_version="s3v4"))


def _upload(s3: Any, bucket: str, key: str, *, content: bytes = b"rose", **form: Any) -> requests.Response:
    """Ask for a form as whoever `s3` acts for, and send it with a file of that content."""
    fields, conditions = dict(form.get("fields", {})), list(form.get("conditions", []))
    conditions += [{name: value} for name, value in fields.items()]
    signed = s3.generate_presigned_post(bucket, key, Fields=fields, Conditions=conditions)
    sent = {**signed["fields"], **form.get("changed", {})}
    sent = {name: value for name, value in sent.items() if value is not None}
    return requests.post(
        signed["url"],
        data=sent,
        files={"file": ("flower.jpg", content)},
        headers=form.get("headers", {}),
        timeout=30,
        allow_redirects=False,
    )


def _error(answer: requests.Response) -> dict[str, str]:
    return {element.tag: element.text or "" for element in ElementTree.fromstring(answer.content)}  # noqa: S314


@pytest.mark.parametrize("is_newer", [False, True])
def test_form_stores_its_file_as_an_object(account: RunningAccount, s3: Any, bucket: str, is_newer: bool) -> None:
    """The object has what the fields say of it; the answer has no body unless the form asks for one."""
    fields = {"Content-Type": "image/jpeg", "x-amz-meta-by": "ann"}

    answer = _upload(s3 if is_newer else account.client("s3"), bucket, f"{is_newer}/${{filename}}", fields=fields)

    stored = s3.get_object(Bucket=bucket, Key=f"{is_newer}/flower.jpg")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["ETag"] == stored["ETag"]
    assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (b"rose", "image/jpeg", {"by": "ann"})


def test_large_file_comes_back_as_it_was_sent(s3: Any, bucket: str) -> None:
    """It is more than what is held in memory."""
    content = uuid.uuid4().bytes * 100_000

    answer = _upload(s3, bucket, "large", content=content)

    assert answer.status_code == 204
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content


def test_form_says_how_its_success_is_told(account: RunningAccount, s3: Any, bucket: str) -> None:
    """201 has a document; a redirect names the object; a status that counts for nothing is 204."""
    created = _upload(s3, bucket, "a/b c", fields={"success_action_status": "201"})
    redirected = _upload(s3, bucket, "a/b c", fields={"success_action_redirect": "https://page.example/done?x=1"})
    other = _upload(s3, bucket, "a/b c", fields={"success_action_status": "404"})

    told = _error(created)
    assert (created.status_code, told["Bucket"], told["Key"]) == (201, bucket, "a/b c")
    assert told["Location"] == created.headers["Location"] == f"{account.info.url}/{bucket}/a%2Fb%20c"
    assert redirected.status_code == 303
    page = f"https://page.example/done?x=1&bucket={bucket}&key=a/b%20c&etag=%22"
    assert redirected.headers["Location"].startswith(page)
    assert other.status_code == 204


def test_form_acts_for_whoever_signed_it(account: RunningAccount, bucket: str) -> None:
    """A session may put what its role may put, and its token is part of the form."""
    caller = Caller(account, allowed("s3:PutObject", f"arn:aws:s3:::{bucket}/free/*"))
    uploading = caller.client("s3", Config(signature_version="s3v4"))

    answers = [_upload(uploading, bucket, key) for key in ("free/a", "kept/a")]
    unsigned = _upload(uploading, bucket, "free/a", changed={"x-amz-security-token": None})

    assert [answer.status_code for answer in answers] == [204, 403]
    assert _error(answers[1])["Code"] == "AccessDenied"
    assert _error(unsigned)["Code"] == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    ("form", "status", "code", "message"),
    [
        ({"changed": {"policy": "eyJ9"}}, 403, "SignatureDoesNotMatch", "The request signature we calculated"),
        ({"changed": {"x-amz-signature": None}}, 400, "InvalidArgument", "a field named 'X-Amz-Signature'.  If it"),
        ({"changed": {"key": None}}, 400, "InvalidArgument", "a field named 'key'.  If it is specified"),
        ({"changed": {"x-amz-meta-a": "1"}}, 403, "AccessDenied", "Policy: Extra input fields: x-amz-meta-a"),
        ({"changed": {"key": "other"}}, 403, "AccessDenied", 'Condition failed: ["eq", "$key", "rose"]'),
        (
            {"conditions": [["starts-with", "$Content-Type", "image/"]], "changed": {"Content-Type": "text/html"}},
            403,
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["starts-with", "$Content-Type", "image/"]',
        ),
        ({"conditions": [["content-length-range", 5, 9]]}, 400, "EntityTooSmall", "smaller than the minimum"),
        ({"conditions": [["content-length-range", 1, 3]]}, 400, "EntityTooLarge", "exceeds the maximum"),
        ({"conditions": [{"acl": "private", "a": "b"}]}, 400, "InvalidPolicyDocument", "exactly one property"),
        ({"changed": {"x-amz-meta-a": "1" * 30_000}}, 400, "MaxPostPreDataLengthExceeded", "were too large"),
        ({"headers": {"Content-Type": "multipart/form-data"}}, 400, "MalformedPOSTRequest", "not well-formed"),
    ],
)
def test_form_that_breaks_its_policy_is_refused(
    s3: Any, bucket: str, form: dict[str, Any], status: int, code: str, message: str
) -> None:
    """By the code and in the words of S3, and nothing is stored."""
    answer = _upload(s3, bucket, "rose", **form)

    error = _error(answer)
    assert (answer.status_code, error["Code"]) == (status, code)
    assert message in error["Message"]
    assert error["RequestId"] == answer.headers["x-amz-request-id"]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="rose")["KeyCount"] == 0


def test_form_of_another_bucket_is_refused(account: RunningAccount, bucket: str) -> None:
    """The policy's bucket is the one of the address, whatever the form says."""
    signed = account.client("s3").generate_presigned_post("another-bucket", "rose")

    answer = requests.post(
        f"{account.info.url}/{bucket}",
        data={**signed["fields"], "bucket": "another-bucket"},
        files={"file": ("a", b"")},
        timeout=30,
    )

    assert 'Policy Condition failed: ["eq", "$bucket", "another-bucket"]' in _error(answer)["Message"]


def test_unsigned_form_is_refused(account: RunningAccount, bucket: str) -> None:
    """Nobody may write to a bucket without a name."""
    answer = requests.post(f"{account.info.url}/{bucket}", data={"key": "a"}, files={"file": b""}, timeout=30)

    assert (answer.status_code, _error(answer)["Code"]) == (403, "AccessDenied")


def test_page_of_an_allowed_origin_reads_the_answer(s3: Any, bucket: str) -> None:
    """Errors too; a page of any other origin uploads, and cannot read."""
    answers = [
        _upload(s3, bucket, "from-page", headers={"Origin": origin}, changed=changed)
        for origin, changed in (
            ("https://page.example", {}),
            ("https://page.example", {"key": "other"}),
            ("https://other.example", {}),
        )
    ]

    assert [answer.status_code for answer in answers] == [204, 403, 204]
    allowed_origins = [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]
    assert allowed_origins == ["https://page.example", "https://page.example", None]
    assert answers[0].headers["Access-Control-Expose-Headers"] == "ETag"
