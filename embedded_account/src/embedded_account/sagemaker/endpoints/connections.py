"""The open connections to one container: used again by the next request, unless the container has closed them."""

import select
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Lock

Answer = tuple[int, Mapping[str, str], bytes]


class NotConnectedError(Exception):
    """The container takes no connection any more; it has not seen the request."""


class UnansweredError(Exception):
    """The container broke the connection off before its answer was complete."""


class Connections:
    """Sends requests to the port of a container, each on a connection that no other request uses meanwhile.

    A container closes a connection that has been idle for long, or all of them when it drains. A connection that is
    found closed is thrown away; one that closes at the very moment it is used again was not read, so that the request
    is sent once more. `is_alive()` tells that apart from a container that ended while it worked on the request.
    """

    def __init__(self, port: int, is_alive: Callable[[], bool]) -> None:
        self._port = port
        self._is_alive = is_alive
        self._lock = Lock()
        self._idle: list[HTTPConnection] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        """Return the status, headers and body of the answer to a POST.

        Raises:
            NotConnectedError: no connection could be made.
            UnansweredError: the connection broke before the answer was complete.
            TimeoutError: no answer within `timeout_seconds`.
        """
        if (connection := self._take_idle()) is not None:
            try:
                return self._exchange(connection, path, body, headers, timeout_seconds)
            except _UnreadError as error:
                if not self._is_alive():
                    raise UnansweredError(str(error)) from error
        try:
            return self._exchange(self._connect(timeout_seconds), path, body, headers, timeout_seconds)
        except _UnreadError as error:
            raise UnansweredError(str(error)) from error

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(
        self, connection: HTTPConnection, path: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer:
        try:
            response = _send(connection, path, body, headers, timeout_seconds)
            content = response.read()
        except TimeoutError:
            connection.close()
            raise
        except _UnreadError:
            connection.close()
            raise
        except (OSError, HTTPException) as error:
            connection.close()
            raise UnansweredError(str(error)) from error
        with self._lock:
            self._idle.append(connection)
        return response.status, dict(response.headers.items()), content

    def _take_idle(self) -> HTTPConnection | None:
        """Return a connection that is still open, the one used last; None when there is none."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _is_closed(connection):
                return connection
            connection.close()

    def _connect(self, timeout_seconds: float) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=timeout_seconds)
        try:
            connection.connect()
        except OSError as error:
            raise NotConnectedError(str(error)) from error
        return connection


class _UnreadError(Exception):
    """The connection was closed before a byte of the answer came."""


def _send(
    connection: HTTPConnection, path: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
) -> HTTPResponse:
    connection.sock.settimeout(timeout_seconds)
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse()
    except ConnectionError as error:  # http.client's RemoteDisconnected is one
        raise _UnreadError(str(error)) from error


def _is_closed(connection: HTTPConnection) -> bool:
    """Say whether an idle connection was closed from the other side: only its end can be there to be read."""
    if connection.sock is None:  # the answer itself said that it was the last one
        return True
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
