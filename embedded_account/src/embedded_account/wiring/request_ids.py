"""Gives each answer a request id, which clients keep and Step Functions puts into the cause of a failed task.

Source: "Common response headers" of each API reference; S3 has two ids, by names of its own.
"""

import base64
import secrets
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from embedded_account.account import Account, WsgiApplication

_NAMES = ("x-amzn-requestid", "x-amz-request-id")
_S3_SCOPE = "/s3/aws4_request"


def install(account: Account) -> None:
    """Complete the answers of everything that is installed before."""
    account.add_middleware(_middleware)


def _is_for_s3(environ: dict[str, Any]) -> bool:
    signed = environ.get("HTTP_AUTHORIZATION", "") or unquote(environ.get("QUERY_STRING", ""))
    return _S3_SCOPE in signed


def _s3_id() -> str:
    return secrets.token_hex(8).upper()


def _s3_extended_id() -> str:
    return base64.b64encode(secrets.token_bytes(57)).decode()


def _middleware(application: WsgiApplication) -> WsgiApplication:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            own = next((value for name, value in headers if name.lower() in _NAMES), "")
            if _is_for_s3(environ):
                headers = [(name, value) for name, value in headers if name.lower() not in _NAMES]
                headers += [("x-amz-request-id", own or _s3_id()), ("x-amz-id-2", _s3_extended_id())]
            elif not own:
                headers = [*headers, ("x-amzn-RequestId", str(uuid.uuid4()))]
            return start_response(status, headers, *rest)

        return application(environ, start)

    return answer
