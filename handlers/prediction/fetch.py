"""Fetch one image over HTTPS from a server that nobody vouches for. Standard library only.

Each hop makes one DNS lookup, checks every address in the answer and connects to the first of them, with the host's
name kept for TLS and the Host header, so a name that changes its mind gains nothing. One timer shuts the socket, so no
server can hold the caller by sending slowly.
"""

import functools
import http.client
import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from handlers.prediction import addresses
from handlers.prediction.errors import (
    BadRequestError,
    FetchFailedError,
    ForbiddenError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    OutOfTimeError,
)

MAX_REDIRECTS = 3
MAX_URL_CHARACTERS = 8192
_OVERHEAD_BYTES = 64 * 1024  # status line, headers and chunk sizes, beside the image itself
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")

Resolver = Callable[[str, int], list[str]]


class Target(NamedTuple):
    """Where one hop goes."""

    scheme: str
    host: str
    port: int
    path: str  # with the query string

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`, the only part of a URL that is ever logged or answered."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


def fetch(
    url: str,
    *,
    max_bytes: int,
    deadline_seconds: float,
    allowed_origins: frozenset[str] = frozenset(),
    resolve: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return the body at `url`, after at most three redirects; every hop passes the same checks.

    Raises:
        BadRequestError: the URL, or one redirected to, is not an HTTPS URL.
        ForbiddenError: it leads to an address that is not public.
        ImageNotFoundError, ImageTooLargeError, NotAnImageError, FetchFailedError, OutOfTimeError: as they say.
    """
    with Deadline(deadline_seconds) as deadline:
        for _ in range(MAX_REDIRECTS + 1):
            target = parse_url(url, allowed_origins)
            address = _address(target, allowed_origins, resolve or lookup, deadline)
            location, body = _get(target, address, max_bytes, tls, deadline)
            if location is None:
                return body
            url = urljoin(f"{target.origin}{target.path}", location)
    raise FetchFailedError(f"url: more than {MAX_REDIRECTS} redirects; give the address of the image itself")


def parse_url(url: str, allowed_origins: frozenset[str] = frozenset()) -> Target:
    """Split `url`, strictly: what two parsers could read in two ways is refused.

    Raises:
        BadRequestError: it is not an absolute HTTPS URL with a plain host; plain HTTP needs an allowed origin.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise BadRequestError(f"url: {len(url)} characters; at most {MAX_URL_CHARACTERS} are taken")
    if re.search(r"[\x00-\x20\x7f\\\ud800-\udfff]", url):
        raise BadRequestError("url: holds a space, a control character or a backslash; percent-encode it")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise BadRequestError("url: host or port cannot be read; expected https://HOST/PATH") from error
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise BadRequestError("url: not an absolute HTTPS URL; expected https://HOST/PATH")
    if "@" in parts.netloc:
        raise BadRequestError("url: holds a user name or password; they are never sent, remove them")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
        f"?{quote(parts.query, safe=_QUERY)}" if parts.query else ""
    )
    target = Target(parts.scheme, _plain_host(host), _DEFAULT_PORTS[parts.scheme] if port is None else port, path)
    if target.port == 0:
        raise BadRequestError("url: port 0; leave the port out or give the one that the server listens on")
    if target.scheme != "https" and target.origin not in allowed_origins:
        raise BadRequestError(f"url: {target.origin} is not HTTPS; only https:// is fetched")
    return target


_QUERY = "/%:@!$&'()*+,;=~?[]"


def _plain_host(host: str) -> str:
    """Return the ASCII form of a host name or IPv4 address."""
    try:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise BadRequestError("url: the host is not a valid name; expected https://HOST/PATH") from error
    if not _HOST.fullmatch(ascii_host):
        raise BadRequestError("url: the host is neither a name nor an IPv4 address; expected https://HOST/PATH")
    return ascii_host.lower()


def lookup(host: str, port: int) -> list[str]:
    """Return the IPv4 addresses of `host`, in the resolver's order."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)]


def _address(target: Target, allowed_origins: frozenset[str], resolve: Resolver, deadline: "Deadline") -> str:
    """Look `target` up once and return the address to connect to, having checked every one in the answer."""
    found = deadline.call(lambda: resolve(target.host, target.port), target)
    if not found:
        raise FetchFailedError(f"url: {target.host} has no IPv4 address; check the name")
    if target.origin not in allowed_origins:
        for address in found:
            reason = addresses.refusal(address)
            if reason:
                raise ForbiddenError(f"url: {target.host} is at an address that is not public ({reason})")
    return found[0]


def _get(
    target: Target, address: str, max_bytes: int, tls: ssl.SSLContext | None, deadline: "Deadline"
) -> tuple[str | None, bytes]:
    """Return (location of a redirect, b"") or (None, the body)."""
    try:
        with _connected(target, address, tls, deadline) as sock:
            response = _request(target, sock, max_bytes + _OVERHEAD_BYTES)
            result = _read(target, response, max_bytes)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if deadline.expired or isinstance(error, TimeoutError):
            raise deadline.error(target) from error
        raise FetchFailedError(f"url: {target.origin} could not be fetched ({_reason(error)})") from error
    if deadline.expired:  # a body without a length ends where the timer cut it
        raise deadline.error(target)
    return result


def _connected(target: Target, address: str, tls: ssl.SSLContext | None, deadline: "Deadline") -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(max(deadline.remaining(), 0.001))
        sock.connect((address, target.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        deadline.watch(sock)
        if target.scheme == "https":
            return (tls or _default_tls()).wrap_socket(sock, server_hostname=target.host.rstrip("."))
    except BaseException:
        sock.close()
        raise
    return sock


@functools.cache
def _default_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _request(target: Target, sock: socket.socket, max_wire_bytes: int) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = _CappedSocket(sock, max_wire_bytes)
    connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", target.netloc)
    connection.putheader("User-Agent", "retriever")
    connection.putheader("Accept", "image/jpeg, image/png, image/gif, image/webp")
    connection.putheader("Accept-Encoding", "identity")
    connection.putheader("Connection", "close")
    connection.endheaders()
    return connection.getresponse()


def _read(target: Target, response: http.client.HTTPResponse, max_bytes: int) -> tuple[str | None, bytes]:
    location = response.headers.get("Location")
    if response.status in _REDIRECTS and location:
        return location, b""
    if response.status in (404, 410):
        raise ImageNotFoundError(f"url: {target.origin} answered {response.status}; there is no such image")
    if response.status != 200:
        raise FetchFailedError(f"url: {target.origin} answered {response.status}; expected 200 and an image")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise NotAnImageError(f"url: {target.origin} sent an encoded body, though asked for none; expected an image")
    if response.length is not None and response.length > max_bytes:
        raise ImageTooLargeError(f"url: the image has {response.length} bytes; at most {max_bytes} are taken")
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ImageTooLargeError(f"url: the image has more than {max_bytes} bytes, the most that are taken")
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return None, body


def _reason(error: Exception) -> str:
    """Return words for a failure; never the error's own text, which may repeat what the server sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, socket.gaierror):
        return "the name is unknown"
    if isinstance(error, _TooMuchError):
        return "its headers are too long"
    if isinstance(error, OSError):
        return "the connection failed"
    return "its answer is not HTTP, or ended early"


class Deadline:
    """The time left for all of a fetch. When it is over, the socket being watched is shut, whoever reads from it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._forget()

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._end

    def remaining(self) -> float:
        return self._end - time.monotonic()

    def error(self, target: Target) -> OutOfTimeError:
        return OutOfTimeError(f"url: {target.origin} took longer than {self._seconds:g} s; use a faster server")

    def watch(self, sock: socket.socket) -> None:
        """Shut `sock` at the end; a duplicate is kept, because TLS takes the socket over."""
        self._forget()
        with self._lock:
            self._watched = sock.dup()
        if self.expired:
            self._shut()

    def call(self, resolve: Callable[[], list[str]], target: Target) -> list[str]:
        """Return `resolve()`; a resolver cannot be interrupted, so one that is too slow is left to itself."""
        outcome: list[Any] = []

        def work() -> None:
            try:
                outcome.append(resolve())
            except (OSError, UnicodeError) as error:
                outcome.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(max(self.remaining(), 0))
        if not outcome:
            raise self.error(target)
        if isinstance(outcome[0], Exception):
            raise FetchFailedError(f"url: {target.host} is not known to DNS; check the name") from outcome[0]
        found: list[str] = outcome[0]
        return found

    def _shut(self) -> None:
        with self._lock:
            if self._watched is not None:
                try:
                    self._watched.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # the peer was first

    def _forget(self) -> None:
        with self._lock:
            if self._watched is not None:
                self._watched.close()
                self._watched = None


class _TooMuchError(OSError):
    """The server sent more than image, headers and framing may have together."""


class _CappedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, max_bytes: int) -> None:
        super().__init__()
        self._sock = sock
        self._left = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise _TooMuchError("more bytes than the cap")
        count = self._sock.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


class _CappedSocket:
    """The part of a socket that http.client uses, with a cap on what is read."""

    def __init__(self, sock: socket.socket, max_bytes: int) -> None:
        self._sock = sock
        self._max_bytes = max_bytes

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_CappedReader(self._sock, self._max_bytes))

    def close(self) -> None:
        """Left to whoever opened the socket."""
