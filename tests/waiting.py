"""Waiting for what happens in another process."""

import time
from collections.abc import Callable
from typing import Any


def wait_for(look: Callable[[], Any], seconds: float, what: str = "it", *, pause_seconds: float = 0.1) -> Any:
    """Return the first true value of `look`; fail after `seconds`, and name `what` did not come."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s: {value!r}"
        time.sleep(pause_seconds)  # real time: the other process works meanwhile
    return value
