"""What no request passes: a foreign Host, a web page's unsigned request, moto's own doors.

A browser lets any page send requests to 127.0.0.1, and a page whose host name is made to mean 127.0.0.1 reads the
answers too. Such requests carry the page's own name as Host or Origin; programs send 127.0.0.1 or localhost, and no
Origin.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from embedded_account.account import Account, WsgiApplication
from embedded_account.http import is_own_host
from embedded_account.s3.forms import is_form

# moto's own paths pass by every check; /latest/ is where a machine of EC2 finds its credentials.
_CLOSED = re.compile(r"/+(?:moto-api|latest)(?:/|$)", re.IGNORECASE)
_CONTROL = "/_embedded-account/"


def guard(account: Account, application: WsgiApplication) -> WsgiApplication:
    """Return `application` behind the edge."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal = _refusal(account, environ)
        if refusal is None:
            return application(environ, start_response)
        body = refusal.encode()
        kind = "application/xml" if refusal.startswith("<") else "application/json"
        start_response("403 Forbidden", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _refusal(account: Account, environ: dict[str, Any]) -> str | None:
    """Return the body that refuses a request; None for one that may go on to be authenticated."""
    host, origin, path = (environ.get(name, "") for name in ("HTTP_HOST", "HTTP_ORIGIN", "PATH_INFO"))
    if not is_own_host(host):
        return _json(f"host {host[:100]!r}: the embedded account answers as 127.0.0.1 and localhost only")
    if _CLOSED.match(path):
        return _json(f"path {path[:100]!r}: it is closed; every operation is reached by a signed request")
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return _preflight_refusal(account, environ)
    if origin and not _is_signed(environ) and not is_form(environ) and not is_own_host(urlsplit(origin).netloc):
        return _json(f"origin {origin[:100]!r}: a web page of another site must sign its requests")
    if origin and path.startswith(_CONTROL):
        return _json(f"origin {origin[:100]!r}: the account's own paths are for programs, not for web pages")
    return None


def _is_signed(environ: dict[str, Any]) -> bool:
    query = environ.get("QUERY_STRING", "")
    return "HTTP_AUTHORIZATION" in environ or "X-Amz-Signature=" in query or "Signature=" in query


def _preflight_refusal(account: Account, environ: dict[str, Any]) -> str | None:
    """Return why a browser's question before a request gets no answer; None where a bucket has rules to answer by.

    A function URL has a port of its own, where its rules are asked.
    Source: Amazon S3 user guide, "Troubleshooting CORS".
    """
    from moto.s3.models import s3_backends

    buckets = s3_backends[account.account_id]["aws"].buckets
    names = (environ.get("HTTP_HOST", "").partition(".")[0], environ.get("PATH_INFO", "").strip("/").partition("/")[0])
    bucket = next((buckets[name] for name in names if name in buckets), None)
    if bucket is None:
        return _cors("CORSResponse: Bucket not found")
    if not bucket.cors:
        return _cors("CORSResponse: CORS is not enabled for this bucket.")
    if not (environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")):
        return _cors("Insufficient information. Origin request header needed.")
    return None


def _json(message: str) -> str:
    return json.dumps({"__type": "AccessDeniedException", "message": message})


def _cors(message: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>AccessForbidden</Code><Message>{escape(message)}</Message></Error>"
    )
