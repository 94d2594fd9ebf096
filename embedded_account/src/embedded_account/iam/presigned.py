"""Presigned S3 URLs of the older Signature Version 2, which boto3 still makes for us-east-1 by default.

Source: Amazon S3 developer guide, "Signing and authenticating REST requests (Signature Version 2)".
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from embedded_account.iam.signatures import raw_path

# The parts of the query that belong to the resource, and so to what is signed.
_SIGNED_PARTS = frozenset(
    [
        "acl",
        "accelerate",
        "analytics",
        "cors",
        "delete",
        "encryption",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "partNumber",
        "policy",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)


@dataclass(frozen=True)
class PresignedUrl:
    """A URL that carries an access key, a signature and the second at which it ends."""

    access_key_id: str
    signature: str
    expires_at: float
    token: str
    _query: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "PresignedUrl | None":
        """Return what the URL of a WSGI request carries; None when it is not presigned this way.

        Raises:
            ValueError: its end is no number.
        """
        text = environ.get("QUERY_STRING", "")
        if "AWSAccessKeyId=" not in text or "Signature=" not in text:
            return None
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        token = query.get("x-amz-security-token", "")
        expires_at = float(query.get("Expires", ""))
        return cls(query.get("AWSAccessKeyId", ""), query.get("Signature", ""), expires_at, token, query)

    def is_signed_with(self, secret: str, environ: Mapping[str, Any]) -> bool:
        """Return whether the signature is that of the request, made with `secret`."""
        digest = hmac.digest(secret.encode(), self._text(environ).encode(), "sha1")
        return hmac.compare_digest(base64.b64encode(digest), self.signature.encode())

    def _text(self, environ: Mapping[str, Any]) -> str:
        sent = {name[5:].lower().replace("_", "-"): str(value) for name, value in environ.items() if _is_amz(name)}
        amz = sent | {name: value for name, value in self._query.items() if name.startswith("x-amz-")}
        parts = sorted(name for name in self._query if name in _SIGNED_PARTS)
        named = "&".join(f"{name}={self._query[name]}" if self._query[name] else name for name in parts)
        lines = [
            environ["REQUEST_METHOD"],
            environ.get("HTTP_CONTENT_MD5", ""),
            self._query.get("content-type", environ.get("CONTENT_TYPE", "")),
            self._query.get("Expires", ""),
            *(f"{name}:{value.strip()}" for name, value in sorted(amz.items())),
            raw_path(environ) + (f"?{named}" if named else ""),
        ]
        return "\n".join(lines)


def _is_amz(name: str) -> bool:
    return name.startswith("HTTP_X_AMZ_")
