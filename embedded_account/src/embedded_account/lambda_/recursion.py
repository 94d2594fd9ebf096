"""Functions that invoke each other in a circle are stopped, as on AWS.

Each invocation passes a trace header on, which the SDK in the function sends with its own calls; here it also counts
how often each function of the chain was invoked. A topic and a bucket hand on the header of the call that made them
send, so that a circle through them is seen as well.
Source: Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite loops".
"""

import re
import secrets
import time
import zlib
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from embedded_account.account import WsgiApplication
from embedded_account.errors import ServiceError

caller_trace: ContextVar[str] = ContextVar("caller_trace", default="")

MAX_IN_CHAIN = 16
_LINEAGE = re.compile(r"([0-9a-f]{8}):(\d{1,3})")


def remember_trace(application: WsgiApplication) -> WsgiApplication:
    """Keep the trace header of each call for what the call makes a service do."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        caller_trace.set(environ.get("HTTP_X_AMZN_TRACE_ID", ""))
        return application(environ, start_response)

    return answer


class RecursiveError(ServiceError):
    """Refuses an invocation that is part of a circle."""

    def __init__(self, function_name: str) -> None:
        super().__init__(
            "RecursiveInvocationException",
            f"Lambda has detected function {function_name!r} being invoked in a recursive loop: more than"
            f" {MAX_IN_CHAIN} times in one chain of requests; break the loop, or set RecursiveLoop=Allow.",
        )


def next_trace(header: str, function_name: str, *, is_loop_allowed: bool = False) -> str:
    """Return the trace header for one more invocation of `function_name`; `header` is what its caller sent, if any.

    Raises:
        RecursiveError: the function has been in this chain too often.
    """
    fields = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
    counts = {key: int(count) for key, count in _LINEAGE.findall(fields.get("Lineage", ""))}
    own = f"{zlib.crc32(function_name.encode()):08x}"
    counts[own] = counts.get(own, 0) + 1
    if counts[own] > MAX_IN_CHAIN and not is_loop_allowed:
        raise RecursiveError(function_name)
    root = fields.get("Root") or f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    lineage = "|".join(f"{key}:{count}" for key, count in counts.items())
    # Not sampled: nothing collects X-Ray segments here.
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0;Lineage={lineage}"
