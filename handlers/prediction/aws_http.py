"""Signed requests to one AWS service over connections that are kept open, each within a time that is never exceeded.

It tries a request once. Only when a kept connection turns out to be closed is another one opened: the service never
saw that request. Whoever calls decides about anything else.
"""

import functools
import http.client
import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from handlers.prediction.sigv4 import Credentials, signed_headers

_MAX_HEADERS_BYTES = 64 * 1024


class Response(NamedTuple):
    """What the service answered; the names of headers do not depend on case."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class TooLateError(Exception):
    """There was no whole answer in time."""


class UnreachableError(Exception):
    """There is no connection, or it ended before the answer did."""


class TooLongError(Exception):
    """The answer has more bytes than were asked for; `num_bytes` is what it says of itself, or None."""

    def __init__(self, num_bytes: int | None) -> None:
        super().__init__(num_bytes)
        self.num_bytes = num_bytes


class Service:
    """One host of one service, for any number of threads; once connected, each waits `answer_seconds` at most.

    Every request is signed with what `credentials` gives then, by default a function's own.
    """

    def __init__(
        self, url: str, signing_name: str, region: str, connect_seconds: float, answer_seconds: float,
        credentials: Callable[[], Credentials] = Credentials.from_environment,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        self._tls = default_tls() if parts.scheme == "https" else None
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._tls else 80)
        self._netloc, self._prefix = parts.netloc, parts.path.rstrip("/")
        self._signing_name, self._region = signing_name, region
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._credentials = credentials
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, until: float, max_bytes: int
    ) -> Response:
        """Return the answer, whatever its status. `until` is on time.monotonic()'s clock.

        Raises:
            TooLateError, UnreachableError, TooLongError: as they say.
        """
        target = self._prefix + path
        signed = signed_headers(
            self._credentials(), method=method, host=self._netloc, path=target, headers=headers,
            body=body, service=self._signing_name, region=self._region,
        )  # fmt: skip
        try:
            kept = self._take()
            if kept is not None:
                try:
                    return self._over(kept, method, target, signed, body, until, max_bytes)
                except (ConnectionError, http.client.HTTPException):
                    self.close()  # the others are as old
            return self._over(self._open(until), method, target, signed, body, until, max_bytes)
        except TimeoutError as error:
            raise TooLateError from error
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(type(error).__name__) from error

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.end()

    def _take(self) -> "_Connection | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _open(self, until: float) -> "_Connection":
        seconds = min(self._connect_seconds, _left(until))
        try:
            sock = socket.create_connection((self._host, self._port), timeout=seconds)
        except TimeoutError as error:
            raise UnreachableError(f"no connection within {seconds:.1f} s") from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except BaseException:
            sock.close()
            raise
        return _Connection(self._host, self._port, _TimedSocket(sock))

    def _over(
        self, connection: "_Connection", method: str, target: str, headers: Mapping[str, str], body: bytes,
        until: float, max_bytes: int,
    ) -> Response:  # fmt: skip
        keep = False
        try:
            connection.timed.until = min(until, time.monotonic() + self._answer_seconds)
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            answer = Response(response.status, response.headers, _read(response, max_bytes))
            keep = not response.will_close
            return answer
        finally:
            if keep:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.end()


def service_url(variable: str, host_prefix: str, region: str) -> str:
    """Return where a service is: as AWS_ENDPOINT_URL says (its own variable first), else its public address."""
    own = os.environ.get(f"AWS_ENDPOINT_URL_{variable}") or os.environ.get("AWS_ENDPOINT_URL")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return own or f"https://{host_prefix}.{region}.{suffix}"


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Return one context for all connections: reading the certificates takes 20 ms."""
    return ssl.create_default_context()


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if response.length is not None and response.length > max_bytes:
        raise TooLongError(response.length)
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise TooLongError(None)
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time left")
    return left


class _TimedReader(io.RawIOBase):
    def __init__(self, timed: "_TimedSocket") -> None:
        super().__init__()
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.receive(buffer)


class _TimedSocket:
    """The part of a socket that http.client uses; no wait goes beyond `until`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.until = 0.0

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(_left(self.until))
        self._sock.sendall(data)

    def receive(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self.until))
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self), _MAX_HEADERS_BYTES)

    def close(self) -> None:
        """Left to whoever opened the socket: http.client closes it before the body is read."""

    def end(self) -> None:
        self._sock.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, timed: _TimedSocket) -> None:
        super().__init__(host, port)
        self.timed = timed
        self.sock = timed
        self.auto_open = 0

    def end(self) -> None:
        self.timed.end()
