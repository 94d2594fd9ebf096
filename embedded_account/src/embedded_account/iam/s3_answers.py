"""The errors of S3 that are answered before moto sees the request, in S3's XML.

Source: Amazon S3 API reference, "Error responses".
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException

from embedded_account.errors import ServiceError

_FORBIDDEN = "403 Forbidden"
_BAD_REQUEST = "400 Bad Request"
_STATUSES = dict.fromkeys(
    (
        "AuthorizationQueryParametersError",
        "BadDigest",
        "EntityTooLarge",
        "EntityTooSmall",
        "ExpiredToken",
        "IncompleteBody",
        "InvalidArgument",
        "InvalidPolicyDocument",
        "KMS.DisabledException",
        "KMS.KMSInvalidStateException",
        "MalformedPOSTRequest",
        "MalformedPolicy",
        "MalformedTrailerError",
        "MalformedXML",
        "MaxPostPreDataLengthExceeded",
        "XAmzContentSHA256Mismatch",
    ),
    _BAD_REQUEST,
) | {
    "MissingContentLength": "411 Length Required",
    "NotImplemented": "501 Not Implemented",
    "PermanentRedirect": "301 Moved Permanently",
}


class S3Error(ServiceError):
    """An error with elements of its own in the answer, such as the size that was proposed."""

    def __init__(self, code: str, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.details = dict(details or {})


def missing_field(name: str) -> S3Error:
    """Return the error of an upload's form without the field `name`."""
    message = f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the"
    return S3Error("InvalidArgument", f"{message} fields.", {"ArgumentName": name, "ArgumentValue": ""})


def answer_error(
    error: ServiceException, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Answer a request with `error`; its ids are added where every answer gets them."""
    resource = {"Resource": environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")}
    elements = {"Code": error.code, "Message": error.message, **getattr(error, "details", resource)}
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in elements.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    status = _STATUSES.get(error.code, _FORBIDDEN)
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
