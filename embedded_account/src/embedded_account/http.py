"""The account's HTTP server: one thread a connection, connections kept open, small answers sent at once."""

import io
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus, client
from itertools import chain
from types import GeneratorType
from typing import IO, Any, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wsgi import LimitedStream

from embedded_account.wiring.replacement import replace

logger = logging.getLogger("embedded_account.http")

_NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_BACKLOG = 256
_PLAIN_HEADERS = re.compile(r"(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n")
# Names under .localhost are this machine's by RFC 6761, whoever runs the name server; a bucket may stand before it.
_OWN_HOST = re.compile(r"(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9.-]+\.)?localhost)(?::\d+)?", re.IGNORECASE)
Body = bytes | Iterable[bytes]
_IDLE_SECONDS = 75


def is_own_host(host: str) -> bool:
    """Return whether a Host or an Origin's host is a name of this machine's own."""
    return _OWN_HOST.fullmatch(host) is not None


@lru_cache(maxsize=8)
def _date(seconds: int) -> str:
    """Return a time as HTTP has it."""
    return formatdate(seconds, usegmt=True)


class Handler(MotoRequestHandler):
    """Answers one request after the other on a connection.

    werkzeug closes each connection, because it does not read what the application left of a request. Here the rest is
    read, so that the next request begins where it should.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    prepare: Callable[[dict[str, Any]], None] | None = None

    def do_CONNECT(self) -> None:  # noqa: N802 (http.server's name)
        """Be a proxy, where the server is one."""
        cast(Server, self.server).connect(self)

    def accept_tunnel(self) -> None:
        """Tell the client of a proxy that it may begin."""
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def begin_tls(self, context: ssl.SSLContext, prepare: Callable[[dict[str, Any]], None]) -> None:
        """Answer the requests that follow on this connection by TLS; `prepare` changes the environment of each."""
        self.accept_tunnel()
        try:
            self.request = context.wrap_socket(self.request, server_side=True)
        except OSError as error:  # most often a client that does not trust the certificate
            logger.info("TLS for %s: %s", self.path, error)
            self.close_connection = True
            return
        self.setup()
        self.prepare = prepare
        self.close_connection = False

    def finish(self) -> None:
        """End the connection, whose socket the server does not know where TLS took it over."""
        super().finish()
        if self.prepare:
            self.request.close()

    def run_wsgi(self) -> None:
        """Call the application with the request that was read, and send its answer."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        if self.prepare:
            self.prepare(environ)
        rest: LimitedStream | None = None
        if not environ.get("wsgi.input_terminated"):
            rest = LimitedStream(cast(IO[bytes], self.rfile), int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = rest
        status, headers, body = self._answer(environ)
        if rest is not None:
            rest.exhaust()
        else:  # a chunked request has no end that could be found again
            self.close_connection = True
        self._send(environ["REQUEST_METHOD"], status, headers, body)

    def _answer(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], Body]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [(status, headers)]
            return parts.append

        parts: list[bytes] = []
        try:
            answer = self.server.app(environ, start_response)
            if isinstance(answer, GeneratorType):  # a large content, which is not collected
                first = next(answer, b"")
                return *started[0], chain((first,), answer)
            try:
                parts.extend(answer)
            finally:
                if hasattr(answer, "close"):
                    answer.close()
            status, headers = started[0]
        except Exception as error:
            logger.exception("%s %s failed", environ["REQUEST_METHOD"], environ.get("PATH_INFO"))
            text = f"the embedded account failed: {type(error).__name__}: {error}; see embedded-account logs".encode()
            return "500 Internal Server Error", [("Content-Type", "text/plain")], text
        return status, headers, b"".join(parts)

    def _send(self, method: str, status: str, headers: list[tuple[str, str]], body: Body) -> None:
        code = int(status.split(None, 1)[0])
        self.send_response(code, status.partition(" ")[2])
        has_length = False
        for name, value in headers:
            has_length = has_length or name.lower() == "content-length"
            self.send_header(name, value)
        if isinstance(body, bytes) and not has_length and method != "HEAD" and code not in _NO_BODY:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        if isinstance(body, bytes) and body and method != "HEAD" and len(body) < 65_536:
            self._headers_buffer.append(b"\r\n" + body)  # one packet for the whole answer
            self.flush_headers()
            return
        self.end_headers()
        for block in (body,) if isinstance(body, bytes) else body:
            if block and method != "HEAD":
                self.wfile.write(block)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time for the Date of an answer, by the account's clock as its services' times are."""
        return _date(int(cast(Server, self.server).now() if timestamp is None else timestamp))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave requests out of the log; operations that fail are logged where they fail."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Note an idle connection's end quietly."""
        logger.debug(format, *args)


def _refuse_to_connect(handler: Handler) -> None:
    handler.send_error(HTTPStatus.METHOD_NOT_ALLOWED)


class Server(ThreadedWSGIServer):
    """Serves until it is shut down; connections that are open then end with the process."""

    request_queue_size = _BACKLOG
    daemon_threads = True
    now: Callable[[], float] = staticmethod(time.time)
    connect: Callable[[Handler], None] = staticmethod(_refuse_to_connect)


def make_server(listener: socket.socket, application: Any, now: Callable[[], float]) -> Server:
    """Return a server of `application` on a socket that listens already; `now` is the time of its answers."""
    read_headers_plainly()
    server = Server("127.0.0.1", listener.getsockname()[1], application, handler=Handler, fd=listener.fileno())
    server.now = now
    return server


def read_headers_plainly() -> None:
    """Read headers of one line each as they are, in this process's servers and clients.

    http.client has the parser of e-mails read each request's, which was a tenth of what a small one took; it goes on
    reading all that has folded lines or no colon.
    """

    def parse(fp: IO[bytes], _class: Any = client.HTTPMessage) -> Any:
        raw = b"".join(client._read_headers(fp))  # type: ignore[attr-defined]  # with its limits
        text = raw.decode("iso-8859-1")
        if not _PLAIN_HEADERS.fullmatch(text):
            return parsed(io.BytesIO(raw), _class)
        message = _class()
        for line in text.split("\r\n")[:-2]:
            name, _, value = line.partition(":")
            message.set_raw(name, value.lstrip(" \t"))
        message.set_payload("")
        return message

    parsed = replace(client, "parse_headers", parse, parameters=("fp", "_class"))
