"""What a function behind a URL gets of an HTTP request, and what its answer becomes: payload format 2.0.

Source: Lambda developer guide, "Invoking Lambda function URLs", request and response payload format.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

from embedded_account.identity import Principal

_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml", "application/x-www-form")
_HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding"})
_SIGNATURE_HEADERS = frozenset({"authorization", "x-amz-security-token"})


class HttpAnswer(NamedTuple):
    """What goes back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()  # a header each, since a browser reads several in one as one


def event_of(
    environ: Mapping[str, Any], body: bytes, domain: str, caller: Principal, request_id: str, at: datetime
) -> dict[str, Any]:
    """Return the event for one request."""
    headers = _headers(environ, _HOP_HEADERS if caller.is_anonymous else _HOP_HEADERS | _SIGNATURE_HEADERS)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/-_.~!$&'()*+,;=:@%") or "/"
    query = environ.get("QUERY_STRING", "")
    is_text = not body or headers.get("content-type", "").startswith(_TEXT_TYPES)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _context(environ, path, domain, caller, request_id, at),
        "isBase64Encoded": not is_text,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    if body:
        event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return event


def answer_of(payload: bytes, request_id: str) -> HttpAnswer:
    """Return what a function's answer becomes: as it says when it names a status, else 200 and its JSON."""
    answer = json.loads(payload or b"null")
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpAnswer(200, headers, answer.encode() if isinstance(answer, str) else payload)
    try:
        status = int(answer["statusCode"])
        given = {str(name): str(value) for name, value in (answer.get("headers") or {}).items()}
        body = answer.get("body") or ""
        text = body if isinstance(body, str) else json.dumps(body)
        content = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
    except (TypeError, ValueError, AttributeError, binascii.Error):
        return HttpAnswer(502, headers, json.dumps({"Message": "Internal Server Error"}).encode())
    if any(name.lower() == "content-type" for name in given):
        headers.pop("Content-Type")
    return HttpAnswer(status, headers | given, content, tuple(map(str, answer.get("cookies") or ())))


def _context(
    environ: Mapping[str, Any], path: str, domain: str, caller: Principal, request_id: str, at: datetime
) -> dict[str, Any]:
    context = {
        "accountId": caller.account_id,
        "apiId": domain.partition(".")[0],
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "sourceIp": environ.get("REMOTE_ADDR", "127.0.0.1"),
            "userAgent": environ.get("HTTP_USER_AGENT", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(at.timestamp() * 1000),
    }
    return (
        context if caller.is_anonymous else context | {"authentication": None, "authorizer": _signer(environ, caller)}
    )


def _signer(environ: Mapping[str, Any], caller: Principal) -> dict[str, Any]:
    """Return what the event says of who has signed the request."""
    told = {
        "accessKey": _access_key(environ),
        "accountId": caller.account_id,
        "callerId": caller.session_name,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.arn,
        "userId": caller.session_name,
    }
    return {"iam": told}


def _access_key(environ: Mapping[str, Any]) -> str:
    return str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].partition("/")[0]


def _headers(environ: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, str]:
    """Return the headers by their names in lower case, without those `left_out`."""
    named = {name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name[:5] == "HTTP_"}
    for name, key in (("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH")):
        if environ.get(key):
            named[name] = str(environ[key])
    forwarded = {
        "x-forwarded-for": environ.get("REMOTE_ADDR", "127.0.0.1"),
        "x-forwarded-port": str(environ.get("SERVER_PORT", "")),
        "x-forwarded-proto": environ.get("wsgi.url_scheme", "http"),
    }
    return {name: value for name, value in named.items() if name not in left_out} | forwarded


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return values by name; several of one name joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
