"""The account's control path for its clock: POST on /_embedded-account/clock puts it forward."""

import hmac
import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from embedded_account.account import Account, WsgiApplication
from embedded_account.control import CLOCK_PATH, KEY_HEADER


def install(account: Account) -> None:
    """Let whoever knows the account's secret key put its clock forward."""

    def wrap(application: WsgiApplication) -> WsgiApplication:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if environ["PATH_INFO"] != CLOCK_PATH:
                return application(environ, start_response)
            status, said = _answer(account, environ)
            content = json.dumps(said).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [content]

        return answer

    account.add_middleware(wrap)


def _answer(account: Account, environ: dict[str, Any]) -> tuple[HTTPStatus, dict[str, str]]:
    key = environ.get("HTTP_" + KEY_HEADER.upper().replace("-", "_"), "")
    if not hmac.compare_digest(key.encode(), account.sessions.root.secret_access_key.encode()):
        return HTTPStatus.FORBIDDEN, {"Message": f"{KEY_HEADER}: it must be the account's secret key, of account.json"}
    try:
        if environ["REQUEST_METHOD"] == "POST":
            size = min(int(environ.get("CONTENT_LENGTH") or 0), 1000)
            account.clock.advance(float(json.loads(environ["wsgi.input"].read(size))["AdvanceSeconds"]))
    except (ValueError, KeyError, TypeError) as error:
        return HTTPStatus.BAD_REQUEST, {"Message": f"AdvanceSeconds: {error}"}
    return HTTPStatus.OK, {"Now": account.clock.now().isoformat()}
