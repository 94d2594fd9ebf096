"""One clock for all services of the embedded account: real by default, faster or put forward in tests."""

import time
from datetime import UTC, datetime
from threading import Event

_SLICE_SECONDS = 0.25  # real ones: how soon whoever waits sees that the clock was put forward


def iso8601(moment: datetime, timespec: str = "milliseconds") -> str:
    """Return a time of UTC as AWS's messages have it, with Z for the zone."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


class Clock:
    """Wall-clock time that may run `speed` times as fast as the real one, and that may be put forward.

    Every cooldown, schedule, alarm period and time-out of the embedded account is measured on it, so a test with
    `speed=60` sees fifteen minutes pass in fifteen seconds, and one that advances it by six hours sees them pass at
    once. Real work (training, HTTP) is not accelerated by it.
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

    def advance(self, seconds: float) -> None:
        """Put the clock forward; whoever waits on it looks again within a quarter of a real second.

        Raises:
            ValueError: `seconds` is not above 0: time does not go back.
        """
        if not seconds > 0:
            raise ValueError(f"clock advance: {seconds!r} s; it must be above 0")
        self._started_at += seconds

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        self.wait(Event(), seconds)

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait for `event` at most `seconds` of this clock; return whether it was set."""
        end = self.time() + seconds
        while not event.is_set() and (remaining := end - self.time()) > 0:
            event.wait(self.real_seconds(remaining))
        return event.is_set()

    def real_seconds(self, seconds: float) -> float:
        """Return how long to wait really before looking again whether `seconds` of this clock have passed."""
        return max(0.0, min(seconds / self.speed, _SLICE_SECONDS))
