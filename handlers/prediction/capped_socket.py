"""A socket that gives no more than its cap, however much the other side sends."""

import io
import socket
from typing import Any


class TooMuchError(OSError):
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
            raise TooMuchError("more bytes than the cap")
        count = self._sock.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


class CappedSocket:
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
