"""Signature Version 4: whether a request was signed with the secret that belongs to its access key.

Source: IAM user guide, "AWS Signature Version 4 for API requests"; Amazon S3 API reference, "Authenticating Requests".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(r"AWS4-HMAC-SHA256 +Credential=([^, ]+), *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
MAX_EXPIRES_SECONDS = 604_800
# What a WSGI environment has of a request that was sent to another name than it is answered by: its Host and its path.
SIGNED_HOST, SIGNED_PATH = "embedded_account.signed_host", "embedded_account.signed_path"


@dataclass(frozen=True)
class Signature:
    """What a request says about its own signature. `expires_seconds` is a presigned URL's; None: in the headers."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    amz_date: str
    token: str
    expires_seconds: int | None = None

    @property
    def signed_at(self) -> float:
        """When it was signed, in seconds since the epoch of the real time.

        Raises:
            ValueError: the request gives no date.
        """
        if not _DATE.fullmatch(self.amz_date):
            raise ValueError(f"date {self.amz_date!r}: expected one such as 20261130T093000Z")
        return datetime.fromisoformat(self.amz_date).timestamp()


def read_signature(environ: Mapping[str, Any]) -> Signature | None:
    """Return the signature in a WSGI request's headers or, for a presigned URL, in its query; None without one.

    Raises:
        ValueError: it is there and cannot be read.
    """
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if authorization:
        match = _HEADER.fullmatch(authorization)
        if match is None:
            raise ValueError("the Authorization header")
        scope, headers, value = match.groups()
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
        return _signature(scope, headers, value, environ.get("HTTP_X_AMZ_DATE", ""), token, None)
    if "X-Amz-Signature=" not in environ.get("QUERY_STRING", ""):
        return None
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    if query.get("X-Amz-Algorithm") != _ALGORITHM or not query.get("X-Amz-Expires", "").isdigit():
        raise ValueError("the signature in the query")
    return _signature(
        query.get("X-Amz-Credential", ""),
        query.get("X-Amz-SignedHeaders", ""),
        query["X-Amz-Signature"],
        query.get("X-Amz-Date", ""),
        query.get("X-Amz-Security-Token", ""),
        int(query["X-Amz-Expires"]),
    )


def is_signed_with(secret: str, signature: Signature, environ: Mapping[str, Any], payload: bytes | None) -> bool:
    """Return whether `signature` is that of the request in `environ`, made with `secret`.

    `payload` is the request's body; None takes the hash that the request itself states, as S3 does.
    """
    canonical = _canonical_request(signature, environ, payload)
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    hashed = hashlib.sha256(canonical).hexdigest()
    text = f"{_ALGORITHM}\n{signature.amz_date}\n{scope}\n{hashed}"
    key = signing_key(secret, signature.date, signature.region, signature.service)
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature.value)


def _signature(scope: str, headers: str, value: str, amz_date: str, token: str, expires: int | None) -> Signature:
    parts = scope.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not amz_date.startswith(parts[1]) or not headers:
        raise ValueError("the credential scope")
    key_id, date, region, service = parts[:4]
    return Signature(key_id, date, region, service, tuple(headers.split(";")), value, amz_date, token, expires)


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key that is good for one secret, day, region and service: four hashes, so it is kept."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical_request(signature: Signature, environ: Mapping[str, Any], payload: bytes | None) -> bytes:
    is_presigned = signature.expires_seconds is not None
    stated = environ.get("HTTP_X_AMZ_CONTENT_SHA256")
    if payload is not None:
        payload_hash = hashlib.sha256(payload).hexdigest()
    else:
        payload_hash = stated or ("UNSIGNED-PAYLOAD" if is_presigned else hashlib.sha256(b"").hexdigest())
    headers = "".join(f"{name}:{_header(name, environ)}\n" for name in signature.signed_headers)
    lines = (
        environ["REQUEST_METHOD"],
        _canonical_path(environ, signature.service),
        _canonical_query(environ.get("QUERY_STRING", ""), is_presigned),
        headers,
        ";".join(signature.signed_headers),
        payload_hash,
    )
    return "\n".join(lines).encode()


def _canonical_path(environ: Mapping[str, Any], service: str) -> str:
    """Return the path as it is signed: as sent for S3, with each of its percent signs encoded again elsewhere."""
    raw: str = environ.get(SIGNED_PATH) or raw_path(environ)
    if service != "s3":
        return quote(_normalized(raw), safe="/-_.~")
    return quote(unquote_to_bytes(raw), safe="/-_.~") if "%" in raw or not raw.isascii() else quote(raw, safe="/-_.~%")


def _normalized(path: str) -> str:
    """Return `path` without empty and dot segments. Source: RFC 3986, 5.2.4."""
    if "/." not in path and "//" not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    ends_open = path.endswith("/") and kept
    return "/" + "/".join(kept) + ("/" if ends_open else "")


def raw_path(environ: Mapping[str, Any]) -> str:
    """Return the path as it was sent, its escapes untouched."""
    raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or quote(environ["PATH_INFO"])
    if "://" in raw[:8]:
        raw = "/" + raw.split("://", 1)[1].partition("/")[2]
    return raw.partition("?")[0] or "/"


def _canonical_query(query: str, is_presigned: bool) -> str:
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and not (is_presigned and name == "X-Amz-Signature"):
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _header(name: str, environ: Mapping[str, Any]) -> str:
    key = name.upper().replace("-", "_")
    value = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
    if name == "host":
        value = environ.get(SIGNED_HOST, value)
    return " ".join(value.split()) if "  " in value else value.strip()
