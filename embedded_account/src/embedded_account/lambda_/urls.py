"""Function URLs: an HTTP listener of its own for each, which invokes the function for whom its policies let in.

Source: Lambda developer guide, "Creating and managing Lambda function URLs" and "Invoking Lambda function URLs".
"""

import json
import logging
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from embedded_account.account import Account
from embedded_account.clock import iso8601
from embedded_account.errors import ServiceError
from embedded_account.http import is_own_host, make_server
from embedded_account.iam.authentication import authenticate
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.identity import ANONYMOUS, Principal
from embedded_account.lambda_.fleet import ThrottledError
from embedded_account.lambda_.invoker import MAX_SYNC_BYTES, Invoker
from embedded_account.lambda_.url_events import HttpAnswer, answer_of, event_of
from embedded_account.wiring.refusals import refuse

logger = logging.getLogger("embedded_account.lambda")

_SIGNED, _PUBLIC = "AWS_IAM", "NONE"
_MAX_METHOD = 6
_OPTIONS: dict[str, tuple[str, ...]] = {
    "FunctionName": (),
    "Qualifier": (),
    "Cors": (),
    "AuthType": (_SIGNED, _PUBLIC),
    "InvokeMode": ("BUFFERED",),
}
_HELP = "For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
_PHRASES = {200: "OK", 204: "No Content", 403: "Forbidden", 413: "Request Entity Too Large", 429: "Too Many Requests"}


def _no_listener() -> None:
    """Stop nothing."""


class UrlOptions(NamedTuple):
    """What a request says of a URL; None for what it leaves as it is."""

    auth_type: str | None
    cors: dict[str, Any] | None


@dataclass
class FunctionUrl:
    """One URL: of a function, or of an alias when `qualifier` names one."""

    function_name: str
    function_arn: str
    qualifier: str
    url: str
    created_at: str
    modified_at: str
    cors: dict[str, Any] = field(default_factory=dict)
    auth_type: str = _SIGNED
    stop: Callable[[], None] = _no_listener

    @property
    def url_id(self) -> str:
        """What AWS puts in front of the domain's name."""
        return uuid.uuid5(uuid.NAMESPACE_URL, self.function_arn).hex

    def describe(self) -> dict[str, Any]:
        """Return what GetFunctionUrlConfig answers."""
        described = {
            "FunctionUrl": self.url,
            "FunctionArn": self.function_arn,
            "AuthType": self.auth_type,
            "InvokeMode": "BUFFERED",
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at,
        }
        return described | ({"Cors": self.cors} if self.cors else {})


class FunctionUrls:
    """The URLs of the account's functions."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._invoker = account.singleton(Invoker)
        self._lock = Lock()
        self._urls: dict[tuple[str, str], FunctionUrl] = {}
        account.persist("lambda-urls", self._dump, self._restore)
        account.on_stop(lambda: self.remove(None))

    def create(self, function_name: str, qualifier: str, function_arn: str, options: UrlOptions) -> FunctionUrl:
        """Open the listener.

        Raises:
            ServiceError: there is one already.
        """
        with self._lock:
            if (function_name, qualifier) in self._urls:
                raise ServiceError(
                    "ResourceConflictException",
                    f"Failed to create function url config for [functionArn = {function_arn}]. Error message: "
                    " FunctionUrlConfig exists for this Lambda function",
                )
            cors, auth_type, now = options.cors or {}, options.auth_type or _SIGNED, self._now()
            own = FunctionUrl(function_name, function_arn, qualifier, "", now, now, cors, auth_type)
            self._listen(own, 0)
            return own

    def _listen(self, own: FunctionUrl, port: int) -> None:
        """Open the listener of `own`, at `port` if that is free."""
        try:
            listener = socket.create_server(("127.0.0.1", port), backlog=256)
        except OSError:
            listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        own.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server = make_server(listener, self._application(own), self._account.clock.time)
        listener.close()  # the server has a duplicate
        thread = self._account.start_thread(f"function url {own.function_name}", server.serve_forever)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join(2)

        own.stop = stop
        self._urls[own.function_name, own.qualifier] = own

    def _dump(self) -> list[FunctionUrl]:
        """Return what survives the account's end: all but the listeners."""
        return [replace(url, stop=_no_listener) for url in list(self._urls.values())]

    def _restore(self, kept: list[FunctionUrl]) -> None:
        for url in kept:
            self._listen(url, urlsplit(url.url).port or 0)

    def update(self, function_name: str, qualifier: str, options: UrlOptions) -> FunctionUrl:
        """Change who may ask, and what browsers of other origins may do; the address stays."""
        own = self.find(function_name, qualifier)
        own.auth_type = options.auth_type or own.auth_type
        if options.cors is not None:
            own.cors = options.cors
        own.modified_at = self._now()
        return own

    def find(self, function_name: str, qualifier: str) -> FunctionUrl:
        """Return a function's or an alias' URL.

        Raises:
            ServiceError: it has none.
        """
        url = self._urls.get((function_name, qualifier))
        if url is None:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")
        return url

    def of_function(self, function_name: str) -> list[FunctionUrl]:
        """Return all of a function's URLs."""
        return [url for (name, _), url in list(self._urls.items()) if name == function_name]

    def remove(self, function_name: str | None, qualifier: str | None = None) -> None:
        """Close the listeners of a function, of one qualifier of it, or of all functions."""
        with self._lock:
            ended = [
                key
                for key in self._urls
                if function_name in {None, key[0]} and (qualifier is None or qualifier == key[1])
            ]
            stopped = [self._urls.pop(key) for key in ended]
        for url in stopped:
            url.stop()

    def _now(self) -> str:
        return iso8601(self._account.clock.now(), "microseconds")

    def _application(self, own: FunctionUrl) -> Callable[..., Iterable[bytes]]:
        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            size = int(environ.get("CONTENT_LENGTH") or 0)
            answer = self._answer(own, environ, size)
            # Beside those of the function, not in their place: a browser refuses an answer that has one of them twice.
            headers = [*answer.headers.items(), *_cors_headers(own.cors, environ).items()]
            headers += [("Set-Cookie", cookie) for cookie in answer.cookies]
            start_response(f"{answer.status} {_PHRASES.get(answer.status, 'Status')}", headers)
            return [answer.body]

        return application

    def _answer(self, own: FunctionUrl, environ: dict[str, Any], size: int) -> HttpAnswer:
        request_id = str(uuid.uuid4())
        if own.cors and environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            return HttpAnswer(200, {"x-amzn-RequestId": request_id}, b"")
        if size > MAX_SYNC_BYTES:
            message = f"Request must be smaller than {MAX_SYNC_BYTES} bytes for the InvokeFunction operation"
            return _refusal(413, "RequestTooLargeException", message, request_id)
        body = environ["wsgi.input"].read(size) if size else b""
        try:
            return self._invoked(own, environ, body, request_id)
        except ThrottledError as error:
            refusal = _refusal(429, error.code, error.message, request_id)
            return HttpAnswer(429, refusal.headers | {"Retry-After": error.retryAfterSeconds}, refusal.body)
        except (NotAuthenticatedError, ServiceError) as error:
            logger.info("function url of %s: %s", own.function_arn, getattr(error, "message", error))
            return _refusal(403, "AccessDeniedException", f"Forbidden. {_HELP}", request_id)

    def _invoked(self, own: FunctionUrl, environ: dict[str, Any], body: bytes, request_id: str) -> HttpAnswer:
        caller = self._admitted(own, environ, body)
        target = self._invoker.resolve(own.function_name, own.qualifier or None)
        domain = f"{own.url_id}.lambda-url.{self._account.region}.on.aws"
        event = event_of(environ, body, domain, caller, request_id, self._account.clock.now())
        outcome = self._invoker.invoke(target, json.dumps(event).encode(), request_id)
        if outcome.function_error:
            return _refusal(502, "InternalServerErrorException", "Internal Server Error", request_id)
        return answer_of(outcome.payload, request_id)

    def _admitted(self, own: FunctionUrl, environ: dict[str, Any], body: bytes) -> Principal:
        """Return the caller, who may use the URL and the function behind it: who has signed, or else anybody."""
        host = environ.get("HTTP_HOST", "")
        if not is_own_host(host):  # as a page has whose name is made to mean this machine
            raise NotAuthenticatedError("Missing", f"host {host[:100]!r} is not the URL's")
        caller = ANONYMOUS if own.auth_type == _PUBLIC else self._signer(environ, body)
        require = self._account.require_access
        require(caller, "lambda:InvokeFunctionUrl", own.function_arn, {"lambda:FunctionUrlAuthType": own.auth_type})
        require(caller, "lambda:InvokeFunction", own.function_arn, {"lambda:InvokedViaFunctionUrl": "true"})
        return caller

    def _signer(self, environ: dict[str, Any], body: bytes) -> Principal:
        """Return who has signed a request for Lambda."""
        caller = authenticate(self._account, environ, body)
        if "/lambda/aws4_request" not in environ.get("HTTP_AUTHORIZATION", environ.get("QUERY_STRING", "")):
            raise NotAuthenticatedError("BadSignature", "the signature is for another service")
        return caller


def checked_options(request: Mapping[str, Any]) -> UrlOptions:
    """Return what a create or update request asks for.

    Raises:
        ServiceError: it asks for what the embedded account does not carry out.
    """
    refuse("FunctionUrlConfig", request, _OPTIONS)
    cors: dict[str, Any] | None = request.get("Cors")
    too_long = [method for method in (cors or {}).get("AllowMethods", []) if len(method) > _MAX_METHOD]
    if too_long:  # OPTIONS is one: Lambda answers that itself
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{too_long}' at 'cors.allowMethods' failed to satisfy constraint: "
            f"Member must satisfy constraint: [Member must have length less than or equal to {_MAX_METHOD}]",
        )
    return UrlOptions(request.get("AuthType"), cors)


def _cors_headers(cors: Mapping[str, Any], environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what a browser of another origin is told."""
    origin, allowed = environ.get("HTTP_ORIGIN", ""), cors.get("AllowOrigins", [])
    if not origin or not {origin, "*"} & set(allowed):
        return {}
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if cors.get("AllowCredentials"):
        headers["Access-Control-Allow-Credentials"] = "true"
    for name, key in (
        ("Allow-Methods", "AllowMethods"),
        ("Allow-Headers", "AllowHeaders"),
        ("Expose-Headers", "ExposeHeaders"),
    ):
        if cors.get(key):
            headers[f"Access-Control-{name}"] = ",".join(cors[key])
    return headers | ({"Access-Control-Max-Age": str(cors["MaxAge"])} if "MaxAge" in cors else {})


def _refusal(status: int, code: str, message: str, request_id: str) -> HttpAnswer:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code, "x-amzn-RequestId": request_id}
    return HttpAnswer(status, headers, json.dumps({"Message": message}).encode())
