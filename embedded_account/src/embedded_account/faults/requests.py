"""Faults of calls: refused, slowed, cut off, or the death of whoever made them."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psutil

from embedded_account.account import Account, WsgiApplication
from embedded_account.faults.board import Board
from embedded_account.faults.errors import answer, refusal
from embedded_account.faults.fault import REQUEST_KINDS, Fault
from embedded_account.faults.routes import Call, identify

logger = logging.getLogger("embedded_account.faults")

_AFTER = frozenset({"lose-answer", "crash-caller"})
_DRAIN_BYTES = 1 << 20


class Requests:
    """Lets the faults of calls happen; sees each request before every service does."""

    def __init__(self, account: Account, board: Board) -> None:
        self._account = account
        self._board = board

    def middleware(self, application: WsgiApplication) -> WsgiApplication:
        """Wrap `application`; without a fault that waits, a request passes untouched."""

        def pass_on(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            call = identify(environ) if self._board.waiting(*REQUEST_KINDS) else None
            fault = self._due(call) if call else None
            if call is None or fault is None:
                return application(environ, start_response)
            return self._fail(call, fault, application, environ, start_response)

        return lambda environ, start_response: (
            application(environ, start_response) if self._board.is_empty else pass_on(environ, start_response)
        )

    def _due(self, call: Call) -> Fault | None:
        principal = self._account.sessions.principal(call.access_key)
        role = principal.role_arn.rpartition("/")[2] if principal else ""
        occasion = f"{call.service}:{call.operation}"
        actual = {"service": call.service, "operation": call.operation}
        for caller in dict.fromkeys([role or "root", principal.session_name if principal else "unknown"]):
            fault = self._board.take(*REQUEST_KINDS, occasion=f"{occasion} by {caller}", caller=caller, **actual)
            if fault:
                return fault
        return None

    def _fail(
        self,
        call: Call,
        fault: Fault,
        application: WsgiApplication,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        if fault.kind == "slow":
            self._account.clock.wait(self._account.stopping, fault.seconds)
            return application(environ, start_response)
        if fault.kind in _AFTER:
            carried_out = application(environ, start_response)
            body = list(carried_out)
            if fault.kind == "crash-caller":
                _kill_caller(environ)
            else:
                _cut_off(environ)
            return body
        _drain(environ)
        if fault.kind == "drop":
            _cut_off(environ)
            start_response("503 Service Unavailable", [])
            return []
        error = refusal(fault.kind, call, fault.code, fault.status)
        headers, content = answer(call, error)
        start_response(f"{error.status} Error", [*headers.items(), ("Content-Length", str(len(content)))])
        return [content]


def _drain(environ: dict[str, Any]) -> None:
    """Read what the caller sends, so that it comes to read the answer."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0:
        chunk = environ["wsgi.input"].read(min(left, _DRAIN_BYTES))
        if not chunk:
            return
        left -= len(chunk)


def _cut_off(environ: dict[str, Any]) -> None:
    with suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _kill_caller(environ: dict[str, Any]) -> None:
    """Kill the process at the other end of the connection, unless it is the account itself."""
    pid = _peer(environ["REMOTE_PORT"])
    if pid is None or pid == os.getpid():
        logger.error("the caller at port %s is %s: it is not killed", environ["REMOTE_PORT"], pid or "not found")
        return
    logger.warning("process %d is killed", pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _peer(port: int) -> int | None:
    """Return which process has a connection from `port`; what the account started is asked first."""
    own = psutil.Process().children(recursive=True)
    for process in (*own, *psutil.process_iter()):
        with suppress(psutil.Error):
            ports = {connection.laddr.port for connection in process.net_connections("tcp")}
            if port in ports and process.pid != os.getpid():
                return process.pid
    return None
