"""A browser's upload by POST: once its form is verified it is a PutObject by whoever signed it.

Source: Amazon S3 API reference, "POST Object".
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException

from embedded_account.account import Account, WsgiApplication
from embedded_account.iam.actions.s3 import S3Request
from embedded_account.iam.authentication import VERIFIED
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.iam.post_forms import SignedForm, authenticate_form
from embedded_account.iam.post_policies import PostPolicy
from embedded_account.iam.s3_answers import S3Error, answer_error
from embedded_account.s3 import preflights
from embedded_account.s3.forms import Form, is_form, read_form
from embedded_account.s3.moto_events import is_posted

logger = logging.getLogger("embedded_account.s3")

# The fields that say something of the object, and not of the form: a field x-amz-copy-source copies nothing.
_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
        "x-amz-storage-class",
        "x-amz-website-redirect-location",
    }
)
_PREFIXES = ("x-amz-meta-", "x-amz-checksum-", "x-amz-server-side-encryption", "x-amz-object-lock-")
_KEPT = ("ETag", "x-amz-version-id", "x-amz-server-side-encryption", "x-amz-checksum-", "x-amz-expiration")
_STATUSES = {"200": "200 OK", "201": "201 Created"}
_NO_CONTENT = "204 No Content"


def install(account: Account) -> None:
    """Answer uploads by form; in front of whatever counts, delays or refuses a PutObject."""

    def middleware(application: WsgiApplication) -> WsgiApplication:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not is_form(environ):
                return application(environ, start_response)
            start = preflights.with_headers(account, environ, start_response)
            try:
                return _answer(account, application, environ, start)
            except NotAuthenticatedError as refusal:
                logger.info("POST %s: %s", environ.get("PATH_INFO"), refusal)
                return answer_error(refusal.as_service_error("s3"), environ, start)
            except ServiceException as error:
                return answer_error(error, environ, start)

        return answer

    account.add_middleware(middleware)


def _answer(
    account: Account, application: WsgiApplication, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    bucket = S3Request.of(environ).bucket
    form = read_form(environ)
    key = form.key
    if form.file is None:
        details = {"ArgumentName": "file", "ArgumentValue": "0"}
        raise S3Error("InvalidArgument", "POST requires exactly one file upload per request.", details)
    with form.file:
        signed = authenticate_form(account, form.fields)
        fields = {**form.fields, "key": key, "bucket": bucket}
        PostPolicy.parse(form.fields["policy"]).check(fields, form.num_bytes, time.time())
        started: list[Any] = []
        put = _put(environ, form, signed, f"/{bucket}/{key}")
        posted = is_posted.set(True)
        try:
            body = b"".join(application(put, lambda *start: started.append(start)))
        finally:
            is_posted.reset(posted)
    status, headers = started[-1][:2]
    if not status.startswith("200"):
        start_response(status, headers)
        return [body]
    kept = [(name, value) for name, value in headers if name.lower().startswith(tuple(map(str.lower, _KEPT)))]
    etag = next(value for name, value in kept if name.lower() == "etag")
    location = f"http://{environ['HTTP_HOST']}/{bucket}/{quote(key, safe='')}"
    return _created(form.fields, _Stored(bucket, key, etag, location), kept, start_response)


class _Stored:
    """What became of a form."""

    def __init__(self, bucket: str, key: str, etag: str, location: str) -> None:
        self.bucket, self.key, self.etag, self.location = bucket, key, etag, location

    def xml(self) -> bytes:
        inner = {"Location": self.location, "Bucket": self.bucket, "Key": self.key, "ETag": self.etag}
        elements = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in inner.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{elements}</PostResponse>'.encode()


def _created(
    fields: Mapping[str, str],
    stored: _Stored,
    headers: list[tuple[str, str]],
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    """Answer as the form asks: go on to a page of its own, or a status that counts as success; 204 otherwise."""
    redirect = fields.get("success_action_redirect") or fields.get("redirect", "")
    if urlsplit(redirect).scheme in ("http", "https"):
        query = urlencode({"bucket": stored.bucket, "key": stored.key, "etag": stored.etag}, quote_via=quote, safe="/")
        location = f"{redirect}{'&' if '?' in redirect else '?'}{query}"
        start_response("303 See Other", [*headers, ("Location", location), ("Content-Length", "0")])
        return [b""]
    status = _STATUSES.get(fields.get("success_action_status", ""), _NO_CONTENT)
    headers = [*headers, ("Location", stored.location)]
    if status == _NO_CONTENT:
        start_response(status, headers)
        return [b""]
    body = stored.xml() if status == _STATUSES["201"] else b""
    kind = [("Content-Type", "application/xml")] if body else []
    start_response(status, [*headers, *kind, ("Content-Length", str(len(body)))])
    return [body]


def _put(environ: dict[str, Any], form: Form, signed: SignedForm, path: str) -> dict[str, Any]:
    """Return the PutObject that the form stands for, with nothing of what its request's own headers said."""
    left_out = ("HTTP_X_AMZ_", "HTTP_ORIGIN", "HTTP_CONTENT_MD5", "HTTP_IF_", "CONTENT_TYPE")
    raw = quote(path)
    header = f"AWS4-HMAC-SHA256 Credential={signed.scope}, SignedHeaders=host, Signature=verified"
    return {
        **{name: value for name, value in environ.items() if not name.startswith(left_out)},
        **_headers(form.fields),
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": path.encode().decode("latin-1"),
        "RAW_URI": raw,
        "REQUEST_URI": raw,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(form.num_bytes),
        "HTTP_AUTHORIZATION": header,
        "wsgi.input": form.file,
        VERIFIED: signed.principal,
        "embedded_account.signed_by": "AWS" if signed.is_older else "AWS4-HMAC-SHA256",
    }


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a PutObject with what the form says of the object."""
    headers = {name: value for name, value in fields.items() if name in _HEADERS or name.startswith(_PREFIXES)}
    headers |= {"x-amz-acl": fields["acl"]} if fields.get("acl") else {}
    headers |= {"x-amz-tagging": _tagging(fields["tagging"])} if fields.get("tagging") else {}
    return {_variable(name): value.encode().decode("latin-1") for name, value in headers.items()}


def _variable(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"


def _tagging(text: str) -> str:
    """Return the tags of a form's XML as a header has them.

    Raises:
        S3Error: it is no XML.
    """
    try:
        tags = ElementTree.fromstring(text).iter("Tag")  # noqa: S314 - expat itself bounds what entities grow to
    except ElementTree.ParseError as error:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise S3Error("MalformedXML", message) from error
    return urlencode({tag.findtext("Key", ""): tag.findtext("Value", "") for tag in tags})
