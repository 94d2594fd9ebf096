"""Waiting for what happens in another process."""

import time
from collections.abc import Callable
from typing import Any


def wait_for(look: Callable[[], Any], seconds: float, *, pause_seconds: float = 0.1) -> Any:
    """Return what `look` finds once it finds something; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing came within {seconds} s"
        time.sleep(pause_seconds)
    return found
