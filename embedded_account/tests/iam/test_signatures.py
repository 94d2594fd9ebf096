"""Tests of local/iam/signatures.py and local/iam/authentication.py, against botocore's own signing."""

import io
import string
import time
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.iam.authentication import authenticate
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.identity import Credentials, Principal
from hypothesis import given
from hypothesis import strategies as st

ROLE = "arn:aws:iam::123456789012:role/reader"


@pytest.fixture(scope="module")
def account(tmp_path_factory) -> Account:
    return Account(tmp_path_factory.mktemp("account"), "http://127.0.0.1:9", "us-east-1", Clock())


def environ_of(request: AWSRequest) -> dict[str, Any]:
    prepared = request.prepare()
    url = urlsplit(prepared.url)
    raw = url.path + (f"?{url.query}" if url.query else "")
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value if isinstance(value, str) else value.decode()
        for name, value in prepared.headers.items()
    }
    body = prepared.body or b""
    assert isinstance(body, bytes)
    return {
        "REQUEST_METHOD": prepared.method,
        "RAW_URI": raw,
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "HTTP_HOST": url.netloc,
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "wsgi.input": io.BytesIO(body),
        **headers,
    }


def signed(
    credentials: Credentials, url: str = "http://127.0.0.1:9/", *, auth: Any = SigV4Auth, **request: Any
) -> dict[str, Any]:
    service = request.pop("service", "sagemaker")
    options = {"expires": request.pop("expires")} if "expires" in request else {}
    sent = AWSRequest(method=request.pop("method", "POST"), url=url, **request)
    key = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    auth(key, service, "us-east-1", **options).add_auth(sent)
    return environ_of(sent)


def fault_of(account: Account, environ: dict[str, Any], payload: bytes | None = b"") -> str:
    try:
        authenticate(account, environ, payload)
    except NotAuthenticatedError as refusal:
        return refusal.fault
    return "none"


def test_the_signer_of_a_request_is_known(account):
    """Root, a role's session and a service acting as itself are told apart by their keys.

    Source: IAM user guide, "AWS Signature Version 4 for API requests".
    """
    session = account.sessions.assume(ROLE, "one")
    service = account.sessions.of_service("events.amazonaws.com", "arn:rule")

    assert authenticate(account, signed(account.sessions.root, data=b"{}"), b"{}").is_root
    assert authenticate(account, signed(session, data=b"{}"), b"{}") == Principal(ROLE, "one")
    assert authenticate(account, signed(service, data=b"{}"), b"{}").service == "events.amazonaws.com"


texts = st.text(string.ascii_letters + string.digits + " -_.~/+=%:&?*'()äß", min_size=1, max_size=12)


@given(st.lists(texts, max_size=3), st.dictionaries(texts, texts, max_size=3), st.binary(max_size=20))
def test_any_request_that_botocore_signs_is_accepted(account, path, query, body):
    """Whatever stands in path, query and body.

    Source: IAM user guide, "AWS Signature Version 4 for API requests".
    """
    url = "http://127.0.0.1:9/" + "/".join(quote(part, safe="") for part in path)
    environ = signed(account.sessions.root, url, params=query, data=body)

    assert authenticate(account, environ, body).is_root


@given(texts, st.dictionaries(texts, texts, max_size=2))
def test_any_s3_request_that_botocore_signs_is_accepted(account, key, query):
    """S3 signs the path as it is, and states the hash of the body in a header.

    Source: Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header".
    """
    url = f"http://127.0.0.1:9/bucket/{quote(key, safe='/~')}"
    environ = signed(account.sessions.root, url, auth=S3SigV4Auth, service="s3", method="GET", params=query)
    presigned = signed(
        account.sessions.root, url, auth=S3SigV4QueryAuth, service="s3", method="GET", params=query, expires=60
    )

    assert authenticate(account, environ, None).is_root
    assert authenticate(account, presigned, None).is_root


@pytest.mark.parametrize(
    "changed",
    [
        {"REQUEST_METHOD": "PUT"},
        {"RAW_URI": "/other?a=b"},
        {"QUERY_STRING": "a=c"},
        {"HTTP_HOST": "127.0.0.1:10"},
        {"HTTP_X_AMZ_TARGET": "SageMaker.DeleteEndpoint"},
        {"body": b"{ }"},
    ],
)
def test_a_changed_request_is_refused(account, changed):
    """Whatever part of a request is changed after it was signed, the signature does not match.

    Source: IAM user guide, "AWS Signature Version 4 for API requests".
    """
    headers = {"X-Amz-Target": "SageMaker.ListEndpoints"}
    environ = signed(account.sessions.root, "http://127.0.0.1:9/path", params={"a": "b"}, headers=headers, data=b"{}")

    assert authenticate(account, environ, b"{}").is_root
    assert fault_of(account, environ | changed, changed.get("body", b"{}")) == "BadSignature"


def test_a_wrong_secret_is_refused(account):
    """Knowing an access key id is not enough.

    Source: IAM user guide, "AWS Signature Version 4 for API requests".
    """
    root = account.sessions.root
    forged = Credentials(root.access_key_id, "guessed", None, None)

    assert fault_of(account, signed(forged)) == "BadSignature"


def test_an_unknown_key_and_a_foreign_token_are_refused(account):
    """A session's key comes with its own token only.

    Source: IAM user guide, "AWS Signature Version 4 for API requests".
    """
    session, other = account.sessions.assume(ROLE, "one"), account.sessions.assume(ROLE, "two")
    mixed = Credentials(session.access_key_id, session.secret_access_key, other.session_token, None)

    assert fault_of(account, signed(Credentials("AKIAUNKNOWN", "x", None, None))) == "UnknownKey"
    assert fault_of(account, signed(mixed)) == "UnknownKey"


def test_an_expired_session_is_refused(account):
    """The session's end is counted on the account's clock.

    Source: IAM user guide, "Temporary security credentials in IAM".
    """
    assert fault_of(account, signed(account.sessions.assume(ROLE, "one", duration_seconds=-1))) == "Expired"


def test_a_request_without_a_readable_signature_is_refused(account):
    """Unsigned, of another scheme, or without a scope.

    Source: IAM user guide, "AWS Signature Version 4 for API requests".
    """
    environ = signed(account.sessions.root)
    good = environ["HTTP_AUTHORIZATION"]

    assert fault_of(account, environ | {"HTTP_AUTHORIZATION": ""}) == "Missing"
    assert fault_of(account, environ | {"HTTP_AUTHORIZATION": "Basic eA=="}) == "Incomplete"
    assert fault_of(account, environ | {"HTTP_AUTHORIZATION": good.replace("/aws4_request", "")}) == "Incomplete"
    assert fault_of(account, environ | {"HTTP_AUTHORIZATION": "", "QUERY_STRING": "X-Amz-Signature=1"}) == "Incomplete"


def test_old_signatures_and_expired_urls_are_refused(account, monkeypatch):
    """A signature is good for 15 minutes, a presigned URL for as long as it says, at most a week.

    Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
    """
    environ = signed(account.sessions.root)
    url = signed(account.sessions.root, auth=S3SigV4QueryAuth, service="s3", method="GET", expires=60)
    long = signed(account.sessions.root, auth=S3SigV4QueryAuth, service="s3", method="GET", expires=604_801)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    by_the_date_of_answers = fault_of(account, environ)
    account.clock.advance(1000)

    assert by_the_date_of_answers == "none"
    assert fault_of(account, environ) == "Skewed"
    assert fault_of(account, url, None) == "UrlExpired"
    assert fault_of(account, long, None) == "Incomplete"


@given(texts, st.sampled_from([{}, {"versionId": "1"}, {"uploads": ""}, {"response-content-type": "image/png"}]))
def test_a_url_of_the_older_version_is_accepted_until_it_ends(account, key, query):
    """boto3 presigns by Signature Version 2 in us-east-1, for root and for sessions.

    Source: Amazon S3 API reference, "Signing and authenticating REST requests (AWS signature version 2)".
    """
    url = f"http://127.0.0.1:9/bucket/{quote(key, safe='/~')}"
    for credentials in (account.sessions.root, account.sessions.assume(ROLE, "one")):
        good = presigned_v2(credentials, url, query, 60)
        ended = presigned_v2(credentials, url, query, -60)

        authenticate(account, good, None)
        assert fault_of(account, ended, None) == "UrlExpired"
        assert fault_of(account, good | {"REQUEST_METHOD": "PUT"}, None) == "BadSignature"


def presigned_v2(credentials: Credentials, url: str, query: dict[str, str], seconds: int) -> dict[str, Any]:
    key = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    text = "&".join(f"{name}={quote(value, safe='')}" if value else name for name, value in query.items())
    request = AWSRequest(method="GET", url=url + (f"?{text}" if text else ""))
    HmacV1QueryAuth(key, seconds).add_auth(request)
    sent = AWSRequest(method="GET", url=request.url)  # the token travels in the URL, not in a header
    return environ_of(sent)


def test_a_presigned_url_is_good_for_its_method_only(account):
    """A URL for GET does not delete.

    Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
    """
    url = signed(account.sessions.root, auth=S3SigV4QueryAuth, service="s3", method="GET", expires=60)

    assert fault_of(account, url | {"REQUEST_METHOD": "DELETE"}, None) == "BadSignature"


@pytest.mark.parametrize(
    ("service", "fault", "code"),
    [
        ("s3", "UnknownKey", "InvalidAccessKeyId"),
        ("iam", "UnknownKey", "InvalidClientTokenId"),
        ("sagemaker", "UnknownKey", "UnrecognizedClientException"),
        ("s3", "Expired", "ExpiredToken"),
        ("sts", "Expired", "ExpiredToken"),
        ("dynamodb", "Expired", "ExpiredTokenException"),
        ("sns", "BadSignature", "SignatureDoesNotMatch"),
        ("lambda", "BadSignature", "InvalidSignatureException"),
        ("s3", "Missing", "AccessDenied"),
    ],
)
def test_a_fault_has_each_services_own_code(service, fault, code):
    """S3, the query protocol and the JSON protocols name the same fault differently.

    Source: each service's API reference, "Common errors".
    """
    assert NotAuthenticatedError(fault, "").as_service_error(service).code == code
