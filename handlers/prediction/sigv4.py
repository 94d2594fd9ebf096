"""Sign a request to AWS, Signature Version 4, with the standard library alone.

Importing botocore and making a client takes several times as long as the whole cold start of the prediction function;
see docs/experiments.md. tests/handlers/prediction/test_sigv4.py holds this against botocore's own signer.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """What a request is signed with."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Credentials":
        """Return those that Lambda gives a function: they stay the same for the life of an environment."""
        return cls(
            environ.get("AWS_ACCESS_KEY_ID", ""),
            environ.get("AWS_SECRET_ACCESS_KEY", ""),
            environ.get("AWS_SESSION_TOKEN", ""),
        )


def signed_headers(
    credentials: Credentials,
    *,
    method: str,
    host: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    service: str,
    region: str,
    at: float | None = None,
) -> dict[str, str]:
    """Return `headers` with Host, date, token, body hash and Authorization added; all of them are signed.

    `path` is as it is sent, percent-encoded, without a query string. `at` is in seconds since the epoch, now if None.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if at is None else at))
    digest = hashlib.sha256(body).hexdigest()
    sent = {**headers, "Host": host, "X-Amz-Date": stamp, "X-Amz-Content-Sha256": digest}
    if credentials.session_token:
        sent["X-Amz-Security-Token"] = credentials.session_token
    plain = sorted((name.lower(), " ".join(value.split())) for name, value in sent.items())
    names = ";".join(name for name, _ in plain)
    # Every service but S3 encodes the path once more than it is on the wire.
    canonical_path = path if service == "s3" else quote(path, safe="/-_.~")
    lines = "".join(f"{name}:{value}\n" for name, value in plain)
    canonical = "\n".join((method, canonical_path, "", lines, names, digest))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_key(credentials, stamp[:8], region, service), text.encode(), hashlib.sha256).hexdigest()
    sent["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _key(credentials: Credentials, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
