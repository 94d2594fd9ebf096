"""Answers what a browser asks before a page of another origin may use a bucket; such a question is never signed.

Source: Amazon S3 user guide, "Elements of a CORS configuration" and "Testing CORS"; Amazon S3 API reference, OPTIONS.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from embedded_account.account import Account, Middleware, WsgiApplication
from embedded_account.iam.actions.s3 import S3Request
from embedded_account.iam.enforcement import is_preflight

_NOT_ALLOWED = (
    "This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def middleware(account: Account) -> Middleware:
    """Return the middleware that answers every preflight and passes everything else on."""

    def wrap(application: WsgiApplication) -> WsgiApplication:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not is_preflight(environ):
                return application(environ, start_response)
            rules = _rules(account, S3Request.of(environ).bucket)
            rule = next((rule for rule in rules if _matches(rule, environ)), None)
            if rule is None:
                return _refused(_NOT_ALLOWED if rules else "CORS is not enabled for this bucket.", start_response)
            start_response("200 OK", [*_headers(rule, environ).items(), ("Content-Length", "0")])
            return [b""]

        return answer

    return wrap


def with_headers(
    account: Account, environ: Mapping[str, Any], start_response: Callable[..., Any]
) -> Callable[..., Any]:
    """Return `start_response` with what lets a page of another origin read the answer to the request in `environ`."""
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": environ["REQUEST_METHOD"], **environ}
    rules = _rules(account, S3Request.of(environ).bucket) if environ.get("HTTP_ORIGIN") else []
    allowing = next((_headers(rule, asked) for rule in rules if _matches(rule, asked)), {})
    return lambda status, headers, *rest: start_response(status, [*headers, *allowing.items()], *rest)


def _rules(account: Account, name: str) -> list[Any]:
    """Return the rules of the bucket `name`; none when there is no such bucket."""
    from moto.s3.models import s3_backends

    bucket = s3_backends[account.account_id]["aws"].buckets.get(name)
    return list(bucket.cors) if bucket is not None else []


def _matches(rule: Any, environ: Mapping[str, Any]) -> bool:
    return (
        _allowed_origin(rule, environ["HTTP_ORIGIN"]) is not None
        and environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] in _listed(rule.allowed_methods)
        and all(
            any(_is_like(name, pattern.lower()) for pattern in _listed(rule.allowed_headers))
            for name in _asked_headers(environ)
        )
    )


def _headers(rule: Any, environ: Mapping[str, Any]) -> dict[str, str]:
    pattern, origin = _allowed_origin(rule, environ["HTTP_ORIGIN"]), environ["HTTP_ORIGIN"]
    credentials = {} if pattern == "*" else {"Access-Control-Allow-Credentials": "true"}
    optional = {
        "Access-Control-Allow-Headers": ", ".join(_asked_headers(environ)),
        "Access-Control-Expose-Headers": ", ".join(_listed(rule.exposed_headers)),
        "Access-Control-Max-Age": str(rule.max_age_seconds or ""),
    }
    return {
        "Access-Control-Allow-Origin": "*" if pattern == "*" else origin,
        "Access-Control-Allow-Methods": ", ".join(_listed(rule.allowed_methods)),
        "Vary": _VARY,
        **credentials,
        **{name: value for name, value in optional.items() if value},
    }


def _allowed_origin(rule: Any, origin: str) -> str | None:
    return next((pattern for pattern in _listed(rule.allowed_origins) if _is_like(origin, pattern)), None)


def _asked_headers(environ: Mapping[str, Any]) -> list[str]:
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    return [name.strip().lower() for name in asked.split(",") if name.strip()]


def _is_like(text: str, pattern: str) -> bool:
    """Return whether `text` is `pattern`, where a `*` stands for any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _listed(value: Any) -> list[str]:
    """Return what moto keeps as one text, as a list or as nothing."""
    return [value] if isinstance(value, str) else list(value or [])


def _refused(reason: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    inner = f"<Code>AccessForbidden</Code><Message>CORSResponse: {reason}</Message>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]
