"""How many requests an instance takes: so many at work as it has workers, a bounded queue, and no for the rest."""

import itertools
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

INVOCATION_SECONDS = 60.0  # after which SageMaker's callers have their time-out


class FullError(Exception):
    """All workers are busy and the queue is full."""


class Admission:
    """Lends workers to requests in the order in which they come.

    A worker that becomes free is handed to whoever waits longest. A semaphore would give it to the caller that happens
    to run, most often the one just answered, and let others wait twice as long.
    """

    def __init__(self, num_workers: int, queue_size: int, max_seconds: float = INVOCATION_SECONDS) -> None:
        self._lock = Lock()
        self._num_free = num_workers
        self._queue_size = queue_size
        self._max_seconds = max_seconds
        self._waiting: deque[Lock] = deque()  # each is released when its request gets a worker
        self._numbers = itertools.count()
        self._started_at: dict[int, float] = {}

    @property
    def num_waiting(self) -> int:
        """Return how many requests wait for a worker."""
        return len(self._waiting)

    @property
    def is_stuck(self) -> bool:
        """Return whether a worker has been busy with one request for longer than any caller waits."""
        oldest = min(list(self._started_at.values()), default=None)
        return oldest is not None and time.monotonic() - oldest > self._max_seconds

    @contextmanager
    def worker(self) -> Iterator[float]:
        """Hold a worker for the block, as soon as it is this request's turn; gives the seconds that it waited.

        Raises:
            FullError: at once, when the queue is full; or after so long a wait that nobody listens any more.
        """
        came_at = time.monotonic()
        self._take()
        number = next(self._numbers)
        self._started_at[number] = started_at = time.monotonic()
        try:
            yield started_at - came_at
        finally:
            del self._started_at[number]
            self._give_back()

    def _take(self) -> None:
        with self._lock:
            if self._num_free:  # then nobody waits
                self._num_free -= 1
                return
            if len(self._waiting) >= self._queue_size:
                raise FullError(f"all workers are busy and {len(self._waiting)} requests wait, as many as may")
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=self._max_seconds):
            return
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise FullError(f"no worker was free within {self._max_seconds:.0f} s")
        # It was this request's turn at the very last moment.

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._num_free += 1
