"""The answers to requests that are not signed, or are signed for a service that is not there, in the caller's protocol.

Source: the protocols of AWS's API models: query, ec2, rest-xml, json, rest-json and rpc-v2-cbor of Smithy.
"""

import json
import struct
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from embedded_account.errors import ServiceError
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.iam.s3_answers import answer_error
from embedded_account.wiring.refusals import not_carried_out

_FORBIDDEN, _NOT_IMPLEMENTED = "403 Forbidden", "501 Not Implemented"
_XML = frozenset({"cloudfront", "route53"})  # the services of rest-xml but S3
_UNSIGNED = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})  # what STS lets anyone ask


def answer(service: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Refuse a request that is signed for `service`, which is not there, or for "", by nobody."""
    operation = _operation(environ)
    if operation in _UNSIGNED:
        service = service or "sts"
    if not service and not _is_told(environ):
        return answer_error(NotAuthenticatedError("Missing", "").as_service_error("s3"), environ, start_response)
    family = "sts" if _is_form(environ) else "lambda"
    error = NotAuthenticatedError("Missing", "").as_service_error(family)
    if service:
        error = not_carried_out(f"{service}:{operation}")
    body, headers = _written(error, service, environ)
    status = _NOT_IMPLEMENTED if service else _FORBIDDEN
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _is_told(environ: dict[str, Any]) -> bool:
    """Return whether a request is one of another protocol than S3's."""
    is_json = "json" in environ.get("CONTENT_TYPE", "")
    return "HTTP_X_AMZ_TARGET" in environ or is_json or _is_cbor(environ) or _is_form(environ)


def _written(error: ServiceError, service: str, environ: dict[str, Any]) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the body of an answer and its headers."""
    if _is_cbor(environ):
        told = (_cbor_text(text) for text in ("__type", error.code, "message", error.message))
        return b"\xa2" + b"".join(told), [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
    if _is_form(environ) or service in _XML:
        inner = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        text = f"<ErrorResponse>{inner.replace('<Code>', '<Type>Sender</Type><Code>')}</ErrorResponse>"
        if service == "ec2":
            text = f"<Response><Errors>{inner}</Errors></Response>"
        return text.encode(), [("Content-Type", "text/xml")]
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return body, [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.code)]


def _cbor_text(text: str) -> bytes:
    """Return a text string in CBOR, whose length has four bytes. Source: RFC 8949, "Major Types"."""
    content = text.encode()
    return struct.pack(">BI", 0x7A, len(content)) + content


def _is_cbor(environ: dict[str, Any]) -> bool:
    return "HTTP_SMITHY_PROTOCOL" in environ


def _is_form(environ: dict[str, Any]) -> bool:
    """Return whether a request is one of the query protocol; a browser's form for S3 is posted to a bucket."""
    return "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", "") and environ["PATH_INFO"] == "/"


def _operation(environ: dict[str, Any]) -> str:
    """Return the name of an operation as far as a request shows it."""
    target, path = environ.get("HTTP_X_AMZ_TARGET", ""), environ["PATH_INFO"]
    if target or _is_cbor(environ):
        return str(target.rpartition(".")[2] or path.rpartition("/")[2])
    if not _is_form(environ):
        return f"{environ['REQUEST_METHOD']} {path}"
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return str(parse_qs(body.decode("utf-8", "replace")).get("Action", ["?"])[0])
