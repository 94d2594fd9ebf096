"""Who does not sign gets nothing: of any method, at any path, whatever the headers pretend."""

import http.client
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from embedded_account.pytest_plugin import RunningAccount

pytestmark = pytest.mark.account

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
PATHS = (
    "/",
    "/unsigned-bucket",
    "/unsigned-bucket/secret.txt",
    "/moto-api/recorder/start-recording",
    "/moto-api/recorder/replay-recording",
    "/moto-api/reset",
    "/latest/meta-data/",
    "/favicon.ico",
    "/2015-03-31/functions",
)
PREFLIGHT = {"Origin": "https://page.example", "Access-Control-Request-Method": "PUT"}
TABLES = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
# Each names a service that is not S3, in a form that moto's dispatcher reads in another way than a verifier does.
FORGED = (
    {"Authorization": "AWS4-HMAC-SHA256 SignedHeaders=host, Credential=A/20260101/us-east-1/sqs/aws4_request"},
    {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/s3/sqs/aws4_request, SignedHeaders=host, Signature=0"},
    {"Authorization": "AWS4-HMAC-SHA256  ,Credential=A/20260101/us-east-1/sqs/aws4_request"},
    {"Authorization": "Bearer Credential=A/20260101/us-east-1/dynamodb/aws4_request, Signature=0"},
)
FORGED_QUERY = "?X-Amz-Signature=0&X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fsqs%2Faws4_request"


@pytest.fixture(scope="module")
def bucket(account: RunningAccount) -> str:
    """A bucket with one object, and rules for pages of one origin."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="unsigned-bucket")
    s3.put_object(Bucket="unsigned-bucket", Key="secret.txt", Body=b"secret")
    rule = {
        "AllowedOrigins": ["https://page.example", "https://*.pages.example"],
        "AllowedMethods": ["PUT", "GET"],
        "AllowedHeaders": ["content-type", "x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    }
    s3.put_bucket_cors(Bucket="unsigned-bucket", CORSConfiguration={"CORSRules": [rule]})
    return "unsigned-bucket"


@pytest.fixture
def send(account: RunningAccount, bucket: str) -> Iterator[Callable[..., tuple[int, dict[str, str], bytes]]]:
    """Give `send(method, path, headers)` over one connection; it returns status, headers and body."""
    address = urlsplit(account.info.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)

    def send_one(method: str, path: str, headers: Any = None) -> tuple[int, dict[str, str], bytes]:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    yield send_one
    connection.close()


@pytest.mark.parametrize("method", METHODS)
def test_unsigned_request_is_refused(send: Any, method: str) -> None:
    """Each path answers 403, and shows neither a bucket nor an object."""
    for path in PATHS:
        status, _, body = send(method, path)

        assert status == 403, path
        assert b"<Name>" not in body
        assert b"secret" not in body.replace(b"secret.txt", b"")


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith("/unsigned-bucket")])
def test_preflight_of_what_is_no_bucket_is_refused(send: Any, path: str) -> None:
    """A page's question about anything but a bucket opens no door."""
    for headers in (PREFLIGHT, PREFLIGHT | TABLES):
        assert send("OPTIONS", path, headers)[0] == 403


def test_preflight_after_a_signed_request_has_no_caller(account: RunningAccount, send: Any, bucket: str) -> None:
    """On a connection that a signed request came by, an unsigned one is nobody's."""
    account.client("dynamodb").list_tables()
    presigned = account.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "secret.txt"}
    )
    split = urlsplit(presigned)
    assert send("GET", f"{split.path}?{split.query}")[2] == b"secret"

    status, _, body = send("OPTIONS", f"/{bucket}", PREFLIGHT | TABLES)

    assert (status, body) == (200, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("headers", FORGED)
def test_forged_scope_does_not_open_s3(send: Any, method: str, headers: dict[str, str]) -> None:
    """A request that claims another service in a header of an odd form gets no object and no list."""
    for path in ("/", "/unsigned-bucket", "/unsigned-bucket/secret.txt"):
        status, _, body = send(method, path, headers)

        assert status >= 400
        assert b"secret" not in body.replace(b"secret.txt", b"")


def test_forged_query_does_not_open_s3(send: Any) -> None:
    """Nor does a query that looks presigned for another service."""
    for path in ("/", "/unsigned-bucket", "/unsigned-bucket/secret.txt"):
        status, _, body = send("GET", path + FORGED_QUERY)

        assert status >= 400
        assert b"secret" not in body.replace(b"secret.txt", b"")


def test_preflight_is_answered_by_the_rules_of_the_bucket(send: Any, bucket: str) -> None:
    """The first rule that matches says what the page may do.

    Source: Amazon S3 user guide, "Elements of a CORS configuration".
    """
    asked = PREFLIGHT | {"Access-Control-Request-Headers": "Content-Type, x-amz-acl"}

    status, headers, body = send("OPTIONS", f"/{bucket}/new.txt", asked)

    assert (status, body) == (200, b"")
    assert headers["access-control-allow-origin"] == "https://page.example"
    assert headers["access-control-allow-methods"] == "PUT, GET"
    assert headers["access-control-allow-headers"] == "content-type, x-amz-acl"
    assert headers["access-control-expose-headers"] == "ETag"
    assert headers["access-control-max-age"] == "60"
    assert headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "https://other.example"},
        {"Origin": "https://page.example.evil"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "authorization"},
    ],
)
def test_preflight_outside_of_the_rules_is_refused(send: Any, bucket: str, changed: dict[str, str]) -> None:
    """An origin, a method or a header that no rule has gets 403.

    Source: Amazon S3 user guide, "Testing CORS".
    """
    status, headers, body = send("OPTIONS", f"/{bucket}/new.txt", PREFLIGHT | changed)

    assert status == 403
    assert "access-control-allow-origin" not in headers
    assert b"This CORS request is not allowed" in body


def test_preflight_of_a_bucket_without_rules_is_refused(account: RunningAccount, send: Any) -> None:
    """S3 says that CORS is not enabled."""
    account.client("s3").create_bucket(Bucket="unsigned-plain")

    status, _, body = send("OPTIONS", "/unsigned-plain/a", PREFLIGHT)

    assert status == 403
    assert b"CORS is not enabled for this bucket" in body
