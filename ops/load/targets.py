"""What `deploy.py load` can drive: the prediction Lambda, the endpoint, or any server of the container contract."""

from __future__ import annotations

import base64
import functools
import http.client
import json
import mimetypes
import random
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from ops.errors import LoadError
from ops.load.driving import OK, Photograph

if TYPE_CHECKING:
    from ops.session import Session
    from ops.stack.stacks import Stack

READ_TIMEOUT_SECONDS = 70.0
MAX_PHOTOGRAPHS = 256
_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def photographs(folder: Path, limit: int = MAX_PHOTOGRAPHS, seed: int = 0) -> list[Photograph]:
    """Return up to `limit` of the JPEG, PNG, GIF and WebP files under `folder`, in a shuffled order that is repeatable.

    Raises:
        LoadError: there is none.
    """
    paths = sorted(path for path in folder.rglob("*") if _content_type(path) in _TYPES and path.is_file())
    if not paths:
        raise LoadError(f"{str(folder)!r}: no JPEG, PNG, GIF or WebP in it; give a folder of photographs")
    random.Random(seed).shuffle(paths)  # noqa: S311 (an order, not a secret)
    return [Photograph(path.name, path.read_bytes(), _content_type(path)) for path in paths[:limit]]


class HttpTarget:
    """POST of the photograph to a URL, such as http://127.0.0.1:8080/invocations; a connection a thread, kept open."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise LoadError(f"{url!r}: not an HTTP URL; expected http://HOST:PORT/invocations")
        self.name = url
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connect: Callable[[], http.client.HTTPConnection] = functools.partial(
            kind, parts.hostname, parts.port, timeout=READ_TIMEOUT_SECONDS
        )
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Accept": "application/json;top_k=5", **(headers or {})}
        self._own = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def send(self, photograph: Photograph) -> str:
        """Send one request."""
        headers = {**self._headers, "Content-Type": photograph.content_type}
        try:
            connection = self._connection()
            connection.request("POST", self._path, photograph.content, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            return "timeout" if isinstance(error, TimeoutError) else f"connection: {type(error).__name__}"
        if response.will_close:
            self._forget()
        return OK if response.status == 200 else f"{response.status} {response.reason}"

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._own, "connection", None) is None:
            connection = self._connect()
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._own.connection = connection
            self._opened.append(connection)
        own: http.client.HTTPConnection = self._own.connection
        return own

    def close(self) -> None:
        """Close every connection."""
        while self._opened:
            self._opened.pop().close()

    def _forget(self) -> None:
        if getattr(self._own, "connection", None) is not None:
            self._own.connection.close()
            self._own.connection = None


class EndpointTarget:
    """InvokeEndpoint with the photograph as its body; botocore tries once, so that every refusal is counted."""

    def __init__(self, runtime: Any, endpoint_name: str) -> None:
        self.name = f"endpoint {endpoint_name}"
        self._runtime = runtime
        self._endpoint_name = endpoint_name

    def send(self, photograph: Photograph) -> str:
        """Send one request."""

        def call() -> str:
            self._runtime.invoke_endpoint(
                EndpointName=self._endpoint_name,
                Body=photograph.content,
                ContentType=photograph.content_type,
                Accept="application/json;top_k=5",
            )["Body"].read()
            return OK

        return outcome(call)


class LambdaTarget:
    """Invoke of the prediction alias with the photograph in the event, as an app does; botocore tries once."""

    def __init__(self, functions: Any, alias_arn: str) -> None:
        self.name = f"function {alias_arn.rsplit(':function:', maxsplit=1)[-1]}"
        self._functions = functions
        self._alias_arn = alias_arn
        self._event = functools.lru_cache(maxsize=MAX_PHOTOGRAPHS)(_event)

    def send(self, photograph: Photograph) -> str:
        """Send one request."""

        def call() -> str:
            response = self._functions.invoke(FunctionName=self._alias_arn, Payload=self._event(photograph))
            return answered(json.loads(response["Payload"].read()), response.get("FunctionError"))

        return outcome(call)


def of_stack(session: Session, deployed: Stack, name: str) -> EndpointTarget | LambdaTarget:
    """Return the endpoint or the prediction alias of a stack."""
    if name == "endpoint":
        return EndpointTarget(session.load_client("sagemaker-runtime"), deployed.output("EndpointName"))
    return LambdaTarget(session.load_client("lambda"), deployed.output("PredictAliasArn"))


def outcome(call: Callable[[], str]) -> str:
    """Return what `call` returns, or the kind of its failure."""
    try:
        return call()
    except ClientError as error:
        return _kind(error)
    except (ReadTimeoutError, ConnectTimeoutError):
        return "timeout"
    except (BotoCoreError, OSError) as error:
        return f"connection: {type(error).__name__}"


def answered(answer: Any, function_error: str | None) -> str:
    """Return OK, or the kind of failure that a prediction function's answer tells."""
    if function_error:
        return f"{function_error}: {answer.get('errorType', 'unknown')}"
    if answer["statusCode"] == 200:
        return OK
    return f"{answer['statusCode']} {json.loads(answer['body']).get('error', '')}".strip()


def _kind(error: ClientError) -> str:
    response: Any = error.response
    status = response.get("OriginalStatusCode") or response["ResponseMetadata"]["HTTPStatusCode"]
    code = response.get("Error", {}).get("Code", "Unknown")
    is_throttle = "Throttl" in code or code == "TooManyRequestsException"
    return " ".join(part for part in (str(429 if is_throttle else status), code, response.get("Reason", "")) if part)


def _event(photograph: Photograph) -> bytes:
    return json.dumps({"image": base64.b64encode(photograph.content).decode(), "top_k": 5}).encode()


def _content_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or ""
