"""Gives each answer a request id, which clients keep and Step Functions puts into the cause of a failed task.

Source: "Common response headers" of each API reference; S3 has two ids, by names of its own, which its errors repeat.
"""

import base64
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from embedded_account.account import Account, WsgiApplication
from embedded_account.unique_ids import hex_id, new_uuid, random_bytes

_NAMES = ("x-amzn-requestid", "x-amz-request-id")
_SCOPE = re.compile(r"/([a-z0-9-]+)/aws4_request")
_IDS_IN_BODY = re.compile(rb"\s*<(RequestI[dD]|HostId)>.*?</\1>", re.DOTALL)


def install(account: Account) -> None:
    """Complete the answers of everything that is installed before."""
    account.add_middleware(_middleware)


def _is_for_s3(environ: dict[str, Any]) -> bool:
    """Return whether S3 is asked, or whoever is asked without any sign of another service."""
    signed = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", "") or unquote(environ.get("QUERY_STRING", "")))
    service = signed[1] if signed else ""
    kind = environ.get("CONTENT_TYPE", "")
    is_for_another = "HTTP_X_AMZ_TARGET" in environ or "json" in kind or "urlencoded" in kind
    return service == "s3" or not (service or is_for_another)


def _middleware(application: WsgiApplication) -> WsgiApplication:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_for_s3(environ):
            return _S3Answer(start_response).of(application, environ)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if not any(name.lower() in _NAMES for name, _ in headers):
                headers = [*headers, ("x-amzn-RequestId", new_uuid())]
            return start_response(status, headers, *rest)

        return application(environ, start)

    return answer


class _S3Answer:
    """One answer of S3; an error waits for its body, which has the ids too."""

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._start_response = start_response
        self._request_id = hex_id(16)
        self._host_id = base64.b64encode(random_bytes(57)).decode()
        self._error: tuple[str, list[tuple[str, str]]] | None = None

    def of(self, application: WsgiApplication, environ: dict[str, Any]) -> Iterable[bytes]:
        body = application(environ, self._start)
        if self._error is None:
            return body
        content = self._named(b"".join(body))
        status, headers = self._error
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        self._start_response(status, [*kept, ("Content-Length", str(len(content)))])
        return [content]

    def _start(self, status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        others = [(name, value) for name, value in headers if name.lower() not in (*_NAMES, "x-amz-id-2")]
        headers = [*others, ("x-amz-request-id", self._request_id), ("x-amz-id-2", self._host_id)]
        if status >= "4" and any(name.lower() == "content-type" and "xml" in value for name, value in headers):
            self._error = (status, headers)
            return None
        return self._start_response(status, headers, *rest)

    def _named(self, body: bytes) -> bytes:
        """Return the XML of an error with the ids of this answer, and no others."""
        before, end, after = _IDS_IN_BODY.sub(b"", body).rpartition(b"</Error>")
        ids = f"<RequestId>{self._request_id}</RequestId><HostId>{self._host_id}</HostId>".encode()
        return before + (ids if end else b"") + end + after
