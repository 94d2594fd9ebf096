"""The price list over HTTP: moto has no such service, so its operations are answered beside moto's routing."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from embedded_account.account import Account, Middleware, WsgiApplication
from embedded_account.errors import ServiceError
from embedded_account.wiring.serving import Operation, check_unrouted

logger = logging.getLogger("embedded_account.pricing")

_TARGET = "AWSPriceListService."
_STATUSES = {"AccessDeniedException": "403 Forbidden", "NotImplemented": "501 Not Implemented"}
_FAILED = "the embedded account failed; its log says why"


def middleware(account: Account, operations: Mapping[str, Operation]) -> Middleware:
    """Return the middleware that answers calls of the price list and passes everything else on."""

    def wrap(application: WsgiApplication) -> WsgiApplication:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            target = environ.get("HTTP_X_AMZ_TARGET", "")
            if not target.startswith(_TARGET):
                return application(environ, start_response)
            status, told = _answer(account, operations, target.removeprefix(_TARGET), environ)
            body = json.dumps(told).encode()
            headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
            start_response(status, headers)
            return [body]

        return answer

    return wrap


def _answer(
    account: Account, operations: Mapping[str, Operation], name: str, environ: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    try:
        params = _params(environ)
        check_unrouted(account, "pricing", name, params)
        return "200 OK", operations[name](params)
    except ServiceException as error:
        return _STATUSES.get(error.code, "400 Bad Request"), {"__type": error.code, "message": error.message}
    except Exception:
        logger.exception("%s failed", name)
        return "500 Internal Server Error", {"__type": "InternalErrorException", "message": _FAILED}


def _params(environ: Mapping[str, Any]) -> dict[str, Any]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise ServiceError("SerializationException", "the request is not a JSON object")
    return params
