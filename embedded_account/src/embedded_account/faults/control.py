"""The account's control path for faults: GET, POST and DELETE on /_embedded-account/faults."""

import hmac
import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from embedded_account.account import Account, Middleware, WsgiApplication
from embedded_account.control import KEY_HEADER
from embedded_account.faults.board import Board
from embedded_account.faults.fault import Fault, FaultError
from embedded_account.faults.remote import FAULTS_PATH

_MAX_BODY_BYTES = 1 << 16


def control(account: Account, board: Board) -> Middleware:
    """Return the middleware that answers the control path, to whoever knows the account's secret key."""

    def wrap(application: WsgiApplication) -> WsgiApplication:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            path = environ["PATH_INFO"]
            if path != FAULTS_PATH and not path.startswith(f"{FAULTS_PATH}/"):
                return application(environ, start_response)
            status, said = _answer(account, board, environ, path[len(FAULTS_PATH) + 1 :])
            content = json.dumps(said).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [content]

        return answer

    return wrap


def _answer(account: Account, board: Board, environ: dict[str, Any], fault_id: str) -> tuple[HTTPStatus, Any]:
    body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), _MAX_BODY_BYTES))
    key = environ.get("HTTP_" + KEY_HEADER.upper().replace("-", "_"), "")
    if not hmac.compare_digest(key.encode(), account.sessions.root.secret_access_key.encode()):
        return HTTPStatus.FORBIDDEN, {"Message": f"{KEY_HEADER}: it must be the account's secret key, of account.json"}
    method = environ["REQUEST_METHOD"]
    if method == "GET":
        waiting = [fault.describe() for fault in board.waiting()]
        return HTTPStatus.OK, {"Faults": waiting, "History": board.history()}
    if method == "DELETE":
        return HTTPStatus.OK, {"NumCleared": board.clear(fault_id)}
    if method != "POST":
        return HTTPStatus.METHOD_NOT_ALLOWED, {"Message": f"method: {method!r}; use GET, POST or DELETE"}
    try:
        members = json.loads(body)
        if not isinstance(members, dict):
            raise FaultError(f"fault: {body[:100]!r}; it must be a JSON object")
        return HTTPStatus.OK, board.add(Fault.parse(members)).describe()
    except ValueError as error:
        return HTTPStatus.BAD_REQUEST, {"Message": str(error)}
