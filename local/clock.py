"""One clock for all services of the embedded account: real by default, faster in tests."""

import time
from datetime import UTC, datetime
from threading import Event


class Clock:
    """Wall-clock time that may run `speed` times as fast as the real one.

    Every cooldown, schedule, alarm period and time-out of the embedded account is measured on it, so a test with
    `speed=60` sees fifteen minutes pass in fifteen seconds. Real work (training, HTTP) is not accelerated by it.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"clock speed: {speed!r}; it must be above 0")
        self.speed = speed
        self._started_at = time.time()
        self._started_monotonic = time.monotonic()

    def time(self) -> float:
        """Return the seconds since the epoch on this clock."""
        return self._started_at + (time.monotonic() - self._started_monotonic) * self.speed

    def now(self) -> datetime:
        """Return the current time on this clock, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        time.sleep(max(0.0, seconds) / self.speed)

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait for `event` at most `seconds` of this clock; return whether it was set."""
        return event.wait(max(0.0, seconds) / self.speed)
