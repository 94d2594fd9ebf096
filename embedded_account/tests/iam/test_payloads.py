"""Tests of local/iam/payloads.py: a body that is not what its headers say is refused before it is stored.

Source: Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header" and "Signature Calculations
for the Authorization Header: Transferring Payload in Multiple Chunks (Chunked Upload) (AWS Signature Version 4)".
"""

import base64
import hashlib
import io
import zlib
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from embedded_account.errors import ServiceError
from embedded_account.iam.payloads import check_body
from embedded_account.iam.signatures import Signature

BUCKET = "payload-tests"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 (of the documentation)


@pytest.fixture(scope="module")
def s3(account) -> Any:
    client = account.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def put(account: Any, key: str, body: bytes, stated: str, **headers: str) -> tuple[int, str]:
    """Put an object whose request is signed with `stated` as the hash of its body; return the status and the answer."""
    url = f"{account.info.url}/{BUCKET}/{key}"
    request = AWSRequest("PUT", url, headers={"X-Amz-Content-SHA256": stated, **headers})
    signer = S3SigV4Auth(Credentials(account.info.access_key_id, account.info.secret_access_key), "s3", "us-east-1")
    signer.payload = lambda request: stated  # type: ignore[method-assign]  # a caller that states another hash than its body's
    signer.add_auth(request)
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("PUT", urlsplit(url).path, body, dict(request.headers.items()))
    answer = connection.getresponse()
    message = answer.read().decode()
    connection.close()
    return answer.status, message


@pytest.mark.parametrize("headers", [{}, {"x-amz-tagging": "a=b"}], ids=["plain", "with an option"])
def test_a_body_without_its_hash_is_refused(account, s3, headers):
    """S3 computes the body's SHA-256 and compares it with x-amz-content-sha256; nothing is stored where they differ.

    Source: Amazon S3 API reference, "Error responses", XAmzContentSHA256Mismatch.
    """
    good, bad = hashlib.sha256(b"what was signed").hexdigest(), b"what came instead"

    status, message = put(account, "changed", bad, good, **headers)

    assert (status, "<Code>XAmzContentSHA256Mismatch</Code>" in message) == (400, True)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="changed")["KeyCount"] == 0
    assert put(account, "same", b"what was signed", good, **headers)[0] == 200
    s3.delete_object(Bucket=BUCKET, Key="same")


def test_a_hash_that_is_none_is_refused(account, s3):
    """x-amz-content-sha256 is a hash, or one of the words that stand for none."""
    status, message = put(account, "none", b"x", "not-a-hash")

    assert (status, "<Code>InvalidArgument</Code>" in message) == (400, True)


def _trailing(data: bytes, checksum: str) -> bytes:
    return b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(data), data, checksum.encode())


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_a_trailing_checksum_is_compared(account, s3):
    """What SDKs send over TLS: unsigned chunks, and after them a checksum that S3 compares with the content."""
    stated, data = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"content of some length" * 99
    headers = {
        "x-amz-decoded-content-length": str(len(data)),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }

    bad, message = put(account, "trailer", _trailing(data, _crc32(b"other")), stated, **headers)
    missing = s3.list_objects_v2(Bucket=BUCKET, Prefix="trailer")["KeyCount"]
    good, _ = put(account, "trailer", _trailing(data, _crc32(data)), stated, **headers)

    assert (bad, "<Code>BadDigest</Code>" in message, missing, good) == (400, True, 0, 200)
    assert s3.get_object(Bucket=BUCKET, Key="trailer")["Body"].read() == data


# The two examples of the API reference: 66,560 times "a" in chunks of 64 KB, without and with a trailer.
_SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
_CHUNKS = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
_TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
_TRAILER_CHUNKS = (
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
_TRAILER = b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:%s\r\n\r\n"
_TRAILER_SIGNATURE = b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def _signature(value: str) -> Signature:
    return Signature("AKIAIOSFODNN7EXAMPLE", "20130524", "us-east-1", "s3", (), value, "20130524T000000Z", "")


def _chunked(signatures: tuple[str, ...], trailer: bytes = b"\r\n") -> bytes:
    sizes = (65_536, 1_024, 0)
    return b"".join(
        b"%x;chunk-signature=%s\r\n%s" % (size, signature.encode(), b"a" * size + b"\r\n" if size else b"")
        for size, signature in zip(sizes, signatures, strict=True)
    ) + (trailer if trailer != b"\r\n" else b"\r\n")


def _read(body: bytes, seed: str, words: str, block: int, **headers: str) -> None:
    environ: dict[str, Any] = {
        "HTTP_X_AMZ_CONTENT_SHA256": words,
        "HTTP_X_AMZ_DECODED_CONTENT_LENGTH": "66560",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **headers,
    }
    checked = check_body(environ, SECRET, _signature(seed))
    assert checked is not None
    while checked.read(block):
        pass


@pytest.mark.parametrize("block", [-1, 7, 4096])
def test_chunk_signatures_are_those_of_the_documentation(block):
    """Each chunk's signature covers the one before it; a changed byte, or a chunk left out, breaks the chain."""
    words, body = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", _chunked(_CHUNKS)

    _read(body, _SEED, words, block)
    with pytest.raises(ServiceError, match="does not match"):
        _read(body.replace(b"aab", b"aaa").replace(b"aaaa\r\n4", b"aaab\r\n4"), _SEED, words, block)
    with pytest.raises(ServiceError, match="terminated unexpectedly"):
        _read(body[: body.rindex(b"0;")], _SEED, words, block)


def test_the_trailers_signature_is_that_of_the_documentation():
    """The trailing headers are signed after the last chunk."""
    words = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    headers = {"HTTP_X_AMZ_TRAILER": "x-amz-checksum-crc32c"}
    body = _chunked(_TRAILER_CHUNKS, _TRAILER % _TRAILER_SIGNATURE)

    _read(body, _TRAILER_SEED, words, 4096, **headers)
    with pytest.raises(ServiceError, match="does not match"):
        _read(body.replace(b"sOO8/Q==", b"sOO8/R=="), _TRAILER_SEED, words, 4096, **headers)
