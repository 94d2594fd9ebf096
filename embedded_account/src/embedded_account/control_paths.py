"""The account's own paths, for whoever knows its secret key: JSON in, JSON out, before any service sees the request."""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from embedded_account.account import Account, WsgiApplication
from embedded_account.control import KEY_HEADER

_MAX_BODY_BYTES = 1 << 16


@dataclass(frozen=True)
class ControlRequest:
    """What was asked: `rest` is the path below the served one, `body` the JSON that was sent, None without any."""

    method: str
    rest: str
    query: Mapping[str, list[str]]
    body: Any


Answer = tuple[HTTPStatus, Any]


def serve_path(account: Account, path: str, answer: Callable[[ControlRequest], Answer]) -> None:
    """Let `answer` reply to every request of `path` and below; a ValueError of it is the caller's mistake."""

    def wrap(application: WsgiApplication) -> WsgiApplication:
        def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            asked = environ["PATH_INFO"]
            if asked != path and not asked.startswith(f"{path}/"):
                return application(environ, start_response)
            status, content = _answer(account, environ, asked[len(path) + 1 :], answer)
            body = json.dumps(content).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [body]

        return respond

    account.add_middleware(wrap)


def _answer(account: Account, environ: dict[str, Any], rest: str, answer: Callable[[ControlRequest], Answer]) -> Answer:
    content = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), _MAX_BODY_BYTES))
    key = environ.get("HTTP_" + KEY_HEADER.upper().replace("-", "_"), "")
    if not hmac.compare_digest(key.encode(), account.sessions.root.secret_access_key.encode()):
        return HTTPStatus.FORBIDDEN, {"Message": f"{KEY_HEADER}: it must be the account's secret key, of account.json"}
    try:
        body = json.loads(content) if content else None
        query = parse_qs(environ.get("QUERY_STRING", ""))
        return answer(ControlRequest(environ["REQUEST_METHOD"], rest, query, body))
    except ValueError as error:
        return HTTPStatus.BAD_REQUEST, {"Message": str(error)}
