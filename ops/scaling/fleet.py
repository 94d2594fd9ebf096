"""The instances of a variant in a simulation: who takes a request, when it is answered, who comes and who goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from math import inf

from ops.errors import LoadError


@dataclass(frozen=True)
class Service:
    """What an instance and the function before it are like; all of it can be measured."""

    seconds: tuple[float, ...]  # of requests at work, alone; each request takes one of them at random
    workers: int = 1  # requests at work at one time in an instance
    queue: int = 100  # requests that wait in an instance; more are refused. 100 is TorchServe's own
    start_seconds: float = 240.0  # from the decision to an instance that answers
    metric_minutes: int = 1  # until a minute's metrics are there
    timeout_seconds: float = 10.0  # after which a caller has given up; the instance works on
    function_concurrency: int = 0  # predictions at one time, Lambda's limit; 0 is none

    def __post_init__(self) -> None:
        if not self.seconds or not all(0 < each < 3600 for each in self.seconds):
            raise LoadError(f"seconds of a request: {self.seconds[:3]!r}; give some above 0")
        for name in ("workers", "timeout_seconds"):
            if not getattr(self, name) > 0:
                raise LoadError(f"{name.replace('_', ' ')}: {getattr(self, name)!r}; give more than 0")
        for name in ("queue", "start_seconds", "metric_minutes", "function_concurrency"):
            if not 0 <= getattr(self, name) < inf:
                raise LoadError(f"{name.replace('_', ' ')}: {getattr(self, name)!r}; give 0 or more")

    @property
    def per_minute(self) -> float:
        """Return how many requests a minute an instance answers when it always has some."""
        return 60 * self.workers / (sum(self.seconds) / len(self.seconds))


class Fleet:
    """Instances with workers and queues. A request goes where it is answered first, and stays there.

    Requests that wait in an instance do not move to one that comes later, as in SageMaker.
    """

    def __init__(self, count: int, service: Service) -> None:
        self._service = service
        self._next = count
        self._running = list(range(count))
        self._starting: list[int] = []
        self._ready_at = 0.0
        self._workers = [(0.0, number) for number in self._running for _ in range(service.workers)]
        self._accepted: list[float] = []  # when each request ends that waits or is at work

    @property
    def count(self) -> int:
        """Return how many instances answer."""
        return len(self._running)

    @property
    def billed(self) -> int:
        """Return how many are paid: those that start too."""
        return len(self._running) + len(self._starting)

    @property
    def is_updating(self) -> bool:
        """Tell whether instances are starting; the endpoint takes no other change meanwhile."""
        return bool(self._starting)

    def resize(self, count: int, now: float) -> None:
        """Let instances start, or take the least busy ones away at once: they end what they have."""
        if count > self.count:
            self._starting = list(range(self._next, self._next + count - self.count))
            self._next += len(self._starting)
            self._ready_at = now + self._service.start_seconds
            return
        busy_until: dict[int, float] = {}
        for free, number in self._workers:
            busy_until[number] = max(free, busy_until.get(number, 0.0))
        self._running = sorted(self._running, key=lambda number: busy_until[number], reverse=True)[:count]
        staying = set(self._running)
        self._workers = [worker for worker in self._workers if worker[1] in staying]
        heapify(self._workers)

    def ready(self, now: float) -> bool:
        """Let the instances answer whose start has ended by `now`; True if there are such."""
        if not self._starting or now < self._ready_at:
            return False
        for number in self._starting:
            for _ in range(self._service.workers):
                heappush(self._workers, (self._ready_at, number))
        self._running += self._starting
        self._starting = []
        return True

    @property
    def next_ready(self) -> float:
        """Return when the instances that start will answer; infinite when none starts."""
        return self._ready_at if self._starting else float("inf")

    def answer(self, arrivals: Sequence[float], work: Sequence[float]) -> list[float]:
        """Return when each request ends, in the order of `arrivals`; minus 1 for one that full queues refuse."""
        workers, accepted = self._workers, self._accepted
        capacity = self.count * (self._service.workers + self._service.queue)
        ends = []
        for at, seconds in zip(arrivals, work, strict=True):
            while accepted and accepted[0] <= at:
                heappop(accepted)
            if len(accepted) >= capacity:
                ends.append(-1.0)
                continue
            free, number = workers[0]
            end = (free if free > at else at) + seconds
            heapreplace(workers, (end, number))
            heappush(accepted, end)
            ends.append(end)
        return ends
