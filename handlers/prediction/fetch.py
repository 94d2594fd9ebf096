"""Fetch one image over HTTPS from a server that nobody vouches for. Standard library only.

Each hop makes one DNS lookup, checks every address in the answer and connects to the first of them, with the host's
name kept for TLS and the Host header, so a name that changes its mind gains nothing. One timer shuts the socket, so no
server can hold the caller by sending slowly.
"""

import functools
import http.client
import socket
import ssl
from collections.abc import Callable

from handlers.prediction import addresses
from handlers.prediction.capped_socket import CappedSocket, TooMuchError
from handlers.prediction.deadline import Deadline
from handlers.prediction.errors import (
    FetchFailedError,
    ForbiddenError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    PredictionError,
)
from handlers.prediction.urls import PUBLIC, Fetchable, Target, parse_url, redirected

MAX_REDIRECTS = 3
_OVERHEAD_BYTES = 64 * 1024  # status line, headers and chunk sizes, beside the image itself
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_FAIL})

Resolver = Callable[[str, int], list[str]]


def fetch(
    url: str,
    *,
    max_bytes: int,
    deadline_seconds: float,
    fetchable: Fetchable = PUBLIC,
    resolve: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return the body at `url`, after at most three redirects; every hop passes the same checks.

    Raises:
        BadRequestError: the URL, or one redirected to, is not an HTTPS URL.
        ForbiddenError: it leads to no public address, or to a port that nothing is fetched from.
        ImageNotFoundError, ImageTooLargeError, NotAnImageError, FetchFailedError, OutOfTimeError: as they say.
    """
    with Deadline(deadline_seconds) as deadline:
        for _ in range(MAX_REDIRECTS + 1):
            target = parse_url(url, fetchable)
            fetchable.check(target)
            address = _address(target, fetchable, resolve or lookup, deadline)
            location, body = _get(target, address, max_bytes, tls, deadline)
            if location is None:
                return body
            url = redirected(target, location)
    raise FetchFailedError(f"url: more than {MAX_REDIRECTS} redirects; give the address of the image itself")


def lookup(host: str, port: int) -> list[str]:
    """Return the IPv4 addresses of `host`, in the resolver's order."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)]


def _address(target: Target, fetchable: Fetchable, resolve: Resolver, deadline: Deadline) -> str:
    """Look `target` up once and return the address to connect to, having checked every one in the answer."""
    looked_up = deadline.call(lambda: resolve(target.host, target.port), target)
    if isinstance(looked_up, Exception):
        raise _unresolved(target, looked_up) from looked_up
    if not looked_up or not (fetchable.trusts(target) or all(map(addresses.is_public, looked_up))):
        raise _nowhere(target)
    return looked_up[0]


def _unresolved(target: Target, error: Exception) -> PredictionError:
    if isinstance(error, OSError) and error.errno not in _NO_SUCH_NAME:
        return FetchFailedError(f"url: the name {target.host} could not be looked up; try again")
    return _nowhere(target)


def _nowhere(target: Target) -> ForbiddenError:
    """Return one answer for a name that does not exist and for one of a private network: nobody finds such names so."""
    return ForbiddenError(f"url: {target.host} is at no public address; check the name")


def _get(
    target: Target, address: str, max_bytes: int, tls: ssl.SSLContext | None, deadline: Deadline
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


def _connected(target: Target, address: str, tls: ssl.SSLContext | None, deadline: Deadline) -> socket.socket:
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
    connection.sock = CappedSocket(sock, max_wire_bytes)
    connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", target.netloc)
    connection.putheader("User-Agent", "retriever")
    connection.putheader("Accept", "image/jpeg, image/png, image/gif, image/webp, image/*;q=0.5")
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
        raise ImageTooLargeError(f"url: the image is too large; at most {max_bytes} bytes are taken")
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ImageTooLargeError(f"url: the image is too large; at most {max_bytes} bytes are taken")
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
    if isinstance(error, TooMuchError):
        return "its headers are too long"
    if isinstance(error, OSError):
        return "the connection failed"
    return "its answer is not HTTP, or ended early"
