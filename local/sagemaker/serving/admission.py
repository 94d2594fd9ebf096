"""How many requests an instance takes: so many at work as it has workers, a bounded queue, and no for the rest."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

INVOCATION_SECONDS = 60.0  # after which SageMaker's callers have their time-out


class FullError(Exception):
    """All workers are busy and the queue is full."""


class Admission:
    """Lends workers to requests; what waits is served in no particular order, and nothing waits for ever."""

    def __init__(self, num_workers: int, queue_size: int) -> None:
        self._free_workers = BoundedSemaphore(num_workers)
        self._num_places = num_workers + queue_size
        self._lock = Lock()
        self._num_taken = 0
        self._numbers = itertools.count()
        self._started_at: dict[int, float] = {}

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Hold a worker for the block, as soon as one is free.

        Raises:
            FullError: at once, when the queue is full; or after so long a wait that nobody listens any more.
        """
        with self._lock:
            if self._num_taken >= self._num_places:
                raise FullError(f"{self._num_taken} requests are at work or wait, as many as this instance takes")
            self._num_taken += 1
        try:
            if not self._free_workers.acquire(timeout=INVOCATION_SECONDS):
                raise FullError(f"no worker was free within {INVOCATION_SECONDS:.0f} s")
            number = next(self._numbers)
            self._started_at[number] = time.monotonic()
            try:
                yield
            finally:
                del self._started_at[number]
                self._free_workers.release()
        finally:
            with self._lock:
                self._num_taken -= 1

    @property
    def is_stuck(self) -> bool:
        """Return whether a worker has been busy with one request for longer than any caller waits."""
        oldest = min(list(self._started_at.values()), default=None)
        return oldest is not None and time.monotonic() - oldest > INVOCATION_SECONDS
