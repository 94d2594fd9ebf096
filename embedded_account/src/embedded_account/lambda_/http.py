"""Invoke over HTTP without moto's routing, which costs more than a warm function does."""

import base64
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.core.exceptions import ServiceException

from embedded_account.account import Account, Middleware, WsgiApplication
from embedded_account.lambda_.asynchronous import EventQueue
from embedded_account.lambda_.fleet import ThrottledError
from embedded_account.lambda_.invoker import MAX_ASYNC_BYTES, MAX_SYNC_BYTES, Invoker, Outcome, check_payload
from embedded_account.wiring.serving import check_unrouted

logger = logging.getLogger("embedded_account.lambda")

_KINDS = ("Event", "RequestResponse", "DryRun")
_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_STATUSES = {
    "ResourceNotFoundException": "404 Not Found",
    "RequestTooLargeException": "413 Request Entity Too Large",
    "TooManyRequestsException": "429 Too Many Requests",
    "AccessDeniedException": "403 Forbidden",
    "ServiceException": "500 Internal Server Error",
    "NotImplemented": "501 Not Implemented",
}
_Answer = tuple[str, dict[str, str], bytes]


@dataclass(frozen=True)
class _Request:
    """An Invoke call."""

    headers: Mapping[str, str]
    params: Mapping[str, Any]
    body: bytes


def middleware(account: Account) -> Middleware:
    """Return the middleware that answers signed Invoke calls and passes everything else on."""

    def wrap(application: WsgiApplication) -> WsgiApplication:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            match = _PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
            if match is None or not _is_for_lambda(environ):
                return application(environ, start_response)
            status, headers, body = _answer(account, _request(unquote(match[1]), environ))
            start_response(status, [*headers.items(), ("Content-Length", str(len(body)))])
            return [body]

        return answer

    return wrap


def _is_for_lambda(environ: Mapping[str, Any]) -> bool:
    """Return whether a request says that it is signed for Lambda, in a header or in its query."""
    signature = environ.get("HTTP_AUTHORIZATION") or unquote(environ.get("QUERY_STRING", ""))
    return "/lambda/aws4_request" in signature


def _answer_invoke(account: Account, request: _Request) -> _Answer:
    """Carry out an Invoke call; return status line, headers and body.

    Raises:
        ServiceException: it was refused.
    """
    headers, request_id = request.headers, str(uuid.uuid4())
    invoker = account.singleton(Invoker)
    target = invoker.resolve(request.params["FunctionName"], request.params.get("Qualifier"))
    kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind not in _KINDS:
        raise ServiceException(
            "ValidationException",
            f"1 validation error detected: Value '{kind}' at 'invocationType' failed to satisfy constraint: Member must"
            f" satisfy enum value set: [{', '.join(_KINDS)}]",
        )
    check_payload(request.body, MAX_ASYNC_BYTES if kind == "Event" else MAX_SYNC_BYTES)
    common = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    if kind == "DryRun":
        return "204 No Content", common, b""
    if kind == "Event":
        account.singleton(EventQueue).add(target, request.body, request_id, headers.get("X-Amzn-Trace-Id", ""))
        return "202 Accepted", common, b""
    trace = headers.get("X-Amzn-Trace-Id", "")
    outcome = invoker.invoke(target, request.body, request_id, _client_context(headers), trace)
    return "200 OK", common | _outcome_headers(outcome, headers.get("X-Amz-Log-Type", "None")), outcome.payload


def error_answer(error: ServiceException) -> _Answer:
    """Return the answer of Lambda's protocol for `error`."""
    text = "Message" if error.code == "ResourceNotFoundException" else "message"  # as Lambda's model names it
    body = {"Type": getattr(error, "Type", "User"), text: error.message}
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    if isinstance(error, ThrottledError):
        body["Reason"] = error.Reason
        headers["Retry-After"] = error.retryAfterSeconds
    return _STATUSES.get(error.code, "400 Bad Request"), headers, json.dumps(body).encode()


def _answer(account: Account, request: _Request) -> _Answer:
    try:
        check_unrouted(account, "lambda", "Invoke", request.params)
        return _answer_invoke(account, request)
    except ServiceException as error:
        return error_answer(error)
    except Exception:
        logger.exception("Invoke of %s failed", request.params["FunctionName"])
        return error_answer(ServiceException("ServiceException", "the embedded account failed; its log says why"))


def _request(name: str, environ: dict[str, Any]) -> _Request:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        "X-Amz-Invocation-Type": environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse"),
        "X-Amz-Log-Type": environ.get("HTTP_X_AMZ_LOG_TYPE", "None"),
        "X-Amz-Client-Context": environ.get("HTTP_X_AMZ_CLIENT_CONTEXT", ""),
        "X-Amzn-Trace-Id": environ.get("HTTP_X_AMZN_TRACE_ID", ""),
    }
    qualifier = parse_qs(environ.get("QUERY_STRING", "")).get("Qualifier", [""])[0]
    params = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
    return _Request(headers, params, environ["wsgi.input"].read(size) if size else b"")


def _outcome_headers(outcome: Outcome, log_type: str) -> dict[str, str]:
    headers = {"X-Amz-Executed-Version": outcome.executed_version}
    if outcome.function_error:
        headers["X-Amz-Function-Error"] = outcome.function_error
    if log_type == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log_tail).decode()
    return headers


def _client_context(headers: Mapping[str, str]) -> str | None:
    encoded = headers.get("X-Amz-Client-Context", "")
    return base64.b64decode(encoded).decode("utf-8", "replace") if encoded else None
