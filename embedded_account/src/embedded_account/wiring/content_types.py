"""Gives each answer the Content-Type of its protocol, where moto says text/html: some SDKs read nothing else.

Source: the protocols of AWS's API models: json, rest-json, query and rpc-v2-cbor of Smithy.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from embedded_account.account import Account, WsgiApplication

_SCOPE = re.compile(r"/([a-z0-9-]+)/aws4_request")
_BY_SERVICE = {"lambda": "application/json", "scheduler": "application/json", "s3": "application/xml"}
_VAGUE = frozenset({"text/html", "text"})


def install(account: Account) -> None:
    """Complete the answers of everything that is installed before."""
    account.add_middleware(_middleware)


def content_type(environ: dict[str, Any], content: str) -> str:
    """Return the Content-Type of an answer to the WSGI request in `environ` to which moto gives `content`."""
    kind = content.partition(";")[0]
    asked = environ.get("CONTENT_TYPE", "")
    if "HTTP_X_AMZ_TARGET" in environ and asked.startswith("application/x-amz-json-"):
        return asked if kind in {*_VAGUE, "application/json"} else content
    if kind not in _VAGUE:
        return content
    if "HTTP_SMITHY_PROTOCOL" in environ:
        return "application/cbor"
    signed = environ.get("HTTP_AUTHORIZATION", "") or unquote(environ.get("QUERY_STRING", ""))
    scope = _SCOPE.search(signed)
    return _BY_SERVICE.get(scope[1], content) if scope else content


def _middleware(application: WsgiApplication) -> WsgiApplication:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = dict(environ)  # on its way to who serves it the request is changed

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told = [
                (name, content_type(asked, value) if name.lower() == "content-type" else value)
                for name, value in headers
            ]
            return start_response(status, told, *rest)

        return application(environ, start)

    return answer
