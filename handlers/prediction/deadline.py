"""The time that a fetch may take, held against whatever the other side does."""

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

from handlers.prediction.errors import OutOfTimeError
from handlers.prediction.urls import Target


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

    def call(self, resolve: Callable[[], list[str]], target: Target) -> list[str] | Exception:
        """Return what `resolve()` gives or raises; it cannot be interrupted: one that is too slow is left to itself."""
        outcome: list[list[str] | Exception] = []

        def work() -> None:
            try:
                outcome.append(resolve())
            except Exception as error:  # noqa: BLE001  # raised in a thread of its own, nobody would hear of it
                outcome.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(max(self.remaining(), 0))
        if not outcome:
            raise self.error(target)
        return outcome[0]

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
