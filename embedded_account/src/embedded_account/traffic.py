"""How busy the account is with requests, so that what can wait does not compete with them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any

_LOOK_SECONDS = 0.1


class Traffic:
    """Remembers when the last requests came; `QUIET_REQUESTS` in `QUIET_SECONDS` (real time) count as quiet."""

    QUIET_REQUESTS = 10
    QUIET_SECONDS = 0.5

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=self.QUIET_REQUESTS)

    def counted(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Return the WSGI `application`, its requests noted."""

        def count(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self._times.append(time.monotonic())
            return application(environ, start_response)

        return count

    def is_quiet(self) -> bool:
        """Return whether few requests came of late."""
        times = self._times
        return len(times) < self.QUIET_REQUESTS or time.monotonic() - times[0] > self.QUIET_SECONDS

    def wait_until_quiet(self, stopping: Event) -> None:
        """Return once it is quiet, or the account stops."""
        while not self.is_quiet() and not stopping.wait(_LOOK_SECONDS):
            pass
