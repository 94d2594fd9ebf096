"""The statuses of S3's answers, where moto gives those of no error in particular.

Source: S3 API reference, "Error responses" and PutBucketPolicy.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from embedded_account.account import WsgiApplication
from embedded_account.iam.scopes import Scope

_CODE = re.compile(rb"<Code>(\w+)</Code>")
_NOT_FOUND = re.compile(r"NoSuch\w+|\w+NotFoundError")
_STATUSES = {
    "BucketNotEmpty": "409 Conflict",
    "BucketAlreadyExists": "409 Conflict",
    "BucketAlreadyOwnedByYou": "409 Conflict",
    "ConditionalRequestConflict": "409 Conflict",
    "InvalidBucketState": "409 Conflict",
    "InvalidObjectState": "403 Forbidden",
    "InvalidRange": "416 Range Not Satisfiable",
    "MethodNotAllowed": "405 Method Not Allowed",
    "PreconditionFailed": "412 Precondition Failed",
}


def status_of(code: str) -> str:
    """Return the status line of an error of S3."""
    return "404 Not Found" if _NOT_FOUND.fullmatch(code) else _STATUSES.get(code, "400 Bad Request")


def middleware(application: WsgiApplication) -> WsgiApplication:
    """Return `application` with AWS's statuses; a policy that was put is answered with nothing."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if Scope.of(environ).service != "s3":
            return application(environ, start_response)
        puts_policy = environ["REQUEST_METHOD"] == "PUT" and "policy" in parse_qs(
            environ.get("QUERY_STRING", ""), keep_blank_values=True
        )
        started: list[Any] = []
        returned = False

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if returned:  # an answer that is begun as it is read is none of an error
                return start_response(status, headers, *rest)
            if status.startswith("400") or (puts_policy and status.startswith("200")):
                started[:] = [status, headers, *rest]  # what it is called the body tells
                return None
            return start_response(status, headers, *rest)

        body = application(environ, start)
        returned = True
        if not started:
            return body
        status, headers, *rest = started
        content = b"".join(body)
        if status.startswith("200"):
            kept = [(name, value) for name, value in headers if name.lower() not in ("content-type", "content-length")]
            start_response("204 No Content", kept, *rest)
            return []
        code = _CODE.search(content)
        start_response(status_of(code[1].decode()) if code else status, headers, *rest)
        return [content]

    return answer
