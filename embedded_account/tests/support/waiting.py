"""Waiting for what another thread or process brings about."""

import time
from collections.abc import Callable
from typing import TypeVar

_Value = TypeVar("_Value")


def eventually(
    check: Callable[[], _Value | None], seconds: float = 60.0, what: str = "it", *, pause_seconds: float = 0.02
) -> _Value:
    """Return the first true value of `check`; fail after `seconds`, and name `what` did not come."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s: {value!r}"
        time.sleep(pause_seconds)  # real time: the other thread or process works meanwhile
    return value
