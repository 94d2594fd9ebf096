"""What becomes of a traffic under a policy: each request is followed, and the policy decides once a minute.

Held to the embedded account, which really starts instances and really scales: bench/bench_scaling.py drives the same
trace through both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ops.scaling.fleet import Fleet, Service
from ops.scaling.policies import MOST_MINUTES, Policy
from ops.scaling.traces import MINUTE, Trace

REFUSED, THROTTLED = -1.0, -2.0  # in place of the moment at which a request ends


class Minute(NamedTuple):
    """One minute: requests that came, that were not answered in time, p95 of the answers, instances, and those paid."""

    arrived: int
    failed: int
    p95: float  # seconds; NaN without an answer
    instances: float
    billed: float


@dataclass(frozen=True)
class Outcome:
    """What a trace came to under a policy."""

    policy: Policy
    minutes: tuple[Minute, ...]
    seconds: NDArray[np.float64]  # to the answer, of those that were answered in time
    num_refused: int  # by the endpoint, whose queues were full: 429 of the prediction function
    num_throttled: int  # by Lambda: more predictions at one time than the function may have
    num_late: int  # given up after the time-out: 504

    @property
    def num_requests(self) -> int:
        """Return how many came."""
        return len(self.seconds) + self.num_failed

    @property
    def num_failed(self) -> int:
        """Return how many had no answer in time."""
        return self.num_refused + self.num_throttled + self.num_late

    @property
    def instance_hours(self) -> float:
        """Return for how long instances were paid, from the decision to start them."""
        return sum(minute.billed for minute in self.minutes) / 60

    def percentile(self, percent: float) -> float:
        """Return a percentile of the seconds to the answer; NaN when nobody was answered."""
        if not len(self.seconds):
            return float("nan")
        return float(np.percentile(self.seconds, percent, method="inverted_cdf"))


def simulate(trace: Trace, policy: Policy, service: Service, seed: int = 0) -> Outcome:
    """Return what becomes of `trace` under `policy`; the same seed gives the same work, whatever the policy."""
    work = np.random.default_rng(seed).choice(np.array(service.seconds), len(trace.seconds))
    first = policy.rule().wanted(0.0, trace.hour_of_day(0), [], policy.least) or policy.least
    run = _Run(trace, policy, service, Fleet(first, service))
    edges = np.searchsorted(trace.seconds, np.arange(trace.num_minutes + 1) * MINUTE)
    minutes = []
    for minute in range(trace.num_minutes):
        of_minute = slice(edges[minute], edges[minute + 1])
        minutes.append(run.minute(minute, trace.seconds[of_minute].tolist(), work[of_minute].tolist()))
    return run.outcome(minutes)


class _Run:
    """A simulation under way."""

    def __init__(self, trace: Trace, policy: Policy, service: Service, fleet: Fleet) -> None:
        self._trace, self._policy, self._service, self._fleet = trace, policy, service, fleet
        self._rule = policy.rule()
        self._in_function: list[float] = []  # when each prediction ends that is under way
        self._ended = np.zeros(trace.num_minutes + 1)
        self._invocations: list[float] = []  # an instance's, of each minute that has ended
        self._answered: list[NDArray[np.float64]] = []
        self._num_refused = self._num_throttled = self._num_late = 0

    def minute(self, number: int, arrivals: list[float], work: list[float]) -> Minute:
        """Go through a minute, and let the policy decide at its end."""
        begin, end = float(number * MINUTE), float((number + 1) * MINUTE)
        ready = min(self._fleet.next_ready, end)
        parts = [(begin, ready), (ready, end)] if ready < end else [(begin, end)]
        ends: list[float] = []
        running = billed = 0.0
        for low, high in parts:
            if self._fleet.ready(low):
                self._rule.changed(low)
            chosen = [place for place, at in enumerate(arrivals) if low <= at < high]
            ends += self._send([arrivals[place] for place in chosen], [work[place] for place in chosen])
            running += self._fleet.count * (high - low) / MINUTE
            billed += self._fleet.billed * (high - low) / MINUTE
        if self._fleet.ready(end):
            self._rule.changed(end)
        p95 = self._count(number, arrivals, ends)
        self._invocations.append(float(self._ended[number]) / running)
        self._decide(number)
        return Minute(len(arrivals), len(arrivals) - len(self._answered[-1]), p95, running, billed)

    def _send(self, arrivals: Sequence[float], work: Sequence[float]) -> list[float]:
        limit = self._service.function_concurrency
        if not limit:
            return self._fleet.answer(arrivals, work)
        ends, under_way = [], self._in_function
        for at, seconds in zip(arrivals, work, strict=True):
            while under_way and under_way[0] <= at:
                heappop(under_way)
            if len(under_way) >= limit:
                ends.append(THROTTLED)
                continue
            [end] = self._fleet.answer([at], [seconds])
            if end > 0:
                heappush(under_way, min(end, at + self._service.timeout_seconds))
            ends.append(end)
        return ends

    def _count(self, number: int, arrivals: list[float], ends: list[float]) -> float:
        """Note what became of a minute's requests; return p95 of those that were answered in time."""
        if not ends:
            self._answered.append(np.array([]))
            return float("nan")
        ended = np.array(ends)
        taken = ended[ended > 0]
        np.add.at(self._ended, np.minimum(taken // MINUTE, self._trace.num_minutes).astype(int), 1)
        self._num_refused += int(np.sum(ended == REFUSED))
        self._num_throttled += int(np.sum(ended == THROTTLED))
        waited = (ended - np.array(arrivals))[ended > 0]
        in_time = waited[waited <= self._service.timeout_seconds]
        self._num_late += len(waited) - len(in_time)
        self._answered.append(in_time)
        return float(np.percentile(in_time, 95, method="inverted_cdf")) if len(in_time) else float("nan")

    def _decide(self, number: int) -> None:
        now = float((number + 1) * MINUTE)
        if self._fleet.is_updating:
            return
        until = max(0, len(self._invocations) - self._service.metric_minutes)
        known = self._invocations[max(0, until - MOST_MINUTES) : until]
        wanted = self._rule.wanted(now, self._trace.hour_of_day(number + 1), known, self._fleet.count)
        if wanted is None:
            return
        is_out = wanted > self._fleet.count
        self._fleet.resize(wanted, now)
        if not is_out or self._fleet.ready(now):
            self._rule.changed(now)

    def outcome(self, minutes: list[Minute]) -> Outcome:
        """Return what came of it all."""
        answered = np.concatenate(self._answered) if self._answered else np.array([])
        lost = self._num_refused, self._num_throttled, self._num_late
        return Outcome(self._policy, tuple(minutes), answered, *lost)
