"""The machine's cores, lent to training jobs in the order in which they ask."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

_POLL_SECONDS = 0.1


def num_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """Lends cores first come, first served: a job that needs many is never passed by ones that need few."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def lent(self, num: int, gave_up: Callable[[], bool]) -> Iterator[bool]:
        """Hold `num` cores for the block; gives False, at once, when `gave_up` says so while it waits."""
        num = min(num, self.total)
        held = self._take(num, gave_up)
        try:
            yield held
        finally:
            if held:
                with self._changed:
                    self._free += num
                    self._changed.notify_all()

    def _take(self, num: int, gave_up: Callable[[], bool]) -> bool:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while self._queue[0] is not ticket or self._free < num:
                    if gave_up():
                        return False
                    self._changed.wait(_POLL_SECONDS)
                self._free -= num
                return True
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
