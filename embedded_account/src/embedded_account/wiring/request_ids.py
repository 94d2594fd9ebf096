"""Gives each answer a request id, which clients keep and Step Functions puts into the cause of a failed task.

Source: "Common response headers" of each API reference.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from embedded_account.account import Account, WsgiApplication

_NAMES = ("x-amzn-requestid", "x-amz-request-id")


def install(account: Account) -> None:
    """Complete the answers of everything that is installed before."""
    account.add_middleware(_middleware)


def _middleware(application: WsgiApplication) -> WsgiApplication:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if not any(name.lower() in _NAMES for name, _ in headers):
                headers = [*headers, ("x-amzn-RequestId", str(uuid.uuid4()))]
            return start_response(status, headers, *rest)

        return application(environ, start)

    return answer
