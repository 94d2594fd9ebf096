"""Drive an endpoint or the prediction Lambda as its callers would, and note when each request began and ended.

A closed loop has so many callers, each of which waits for its answer: it finds the throughput. An open loop has
arrivals that wait for nobody: a request's latency counts from when it was due, so that a server which stands still for
a second is charged with every request of that second, not with the one that was under way (coordinated omission).
"""

from __future__ import annotations

import math
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from ops.errors import LoadError

OK = "ok"
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
MAX_IN_FLIGHT = 256
_PAUSE_AFTER_FAILURE_SECONDS = 0.02  # a caller that is refused does not come back at once
_DRAIN_SECONDS = 60.0


class Photograph(NamedTuple):
    """One file that is sent."""

    name: str
    content: bytes
    content_type: str


class Target(Protocol):
    """What is driven. One target serves all threads."""

    name: str

    def send(self, photograph: Photograph) -> str:
        """Send one request and wait for its answer; return OK, or in a few words the kind of its failure."""


class Sample(NamedTuple):
    """One request; seconds since the load began."""

    due: float
    started: float
    ended: float
    outcome: str

    @property
    def seconds(self) -> float:
        """How long the caller waited, from when the request was due."""
        return self.ended - self.due


@dataclass(frozen=True)
class Load:
    """How much is sent: `concurrency` callers in a closed loop or, when `rate` is above 0, arrivals a second."""

    seconds: float
    concurrency: int = 1
    rate: float = 0.0
    ramp_to: float = 0.0  # the rate at the end; 0: `rate` throughout
    warm_up_seconds: float = 0.0  # sent before, and left out of the result
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("seconds", "concurrency"):
            if not getattr(self, name) > 0:
                raise LoadError(f"{name}: {getattr(self, name)!r}; give more than 0")
        for name in ("rate", "ramp_to", "warm_up_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise LoadError(f"{name.replace('_', ' ')}: {getattr(self, name)!r}; give 0 or more")
        if self.ramp_to and not self.rate:
            raise LoadError(f"ramp to: {self.ramp_to!r} without a rate to begin with; give both")

    @property
    def description(self) -> str:
        """The load in words."""
        if not self.rate:
            return f"closed loop, {self.concurrency} at a time, {self.seconds:g} s"
        ramp = f" rising to {self.ramp_to:g}" if self.ramp_to else ""
        return f"open loop, {self.rate:g}{ramp} a second (Poisson), {self.seconds:g} s"


@dataclass
class Result:
    """Every request of one load, and what follows from them."""

    target: str
    load: Load
    samples: list[Sample] = field(default_factory=list)

    @property
    def wall_seconds(self) -> float:
        """From the beginning to the last answer."""
        return max((sample.ended for sample in self.samples), default=0.0)

    @property
    def num_ok(self) -> int:
        """How many requests were answered."""
        return sum(sample.outcome == OK for sample in self.samples)

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return self.num_ok / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def failures(self) -> dict[str, int]:
        """How many requests failed, by kind, the most frequent first."""
        return dict(Counter(one.outcome for one in self.samples if one.outcome != OK).most_common())

    @property
    def num_throttled(self) -> int:
        """How many requests were refused for want of capacity."""
        return sum(count for kind, count in self.failures.items() if kind.startswith("429"))

    def latencies_ms(self) -> list[float]:
        """Return the latencies of the answered requests, sorted."""
        return sorted(sample.seconds * 1000 for sample in self.samples if sample.outcome == OK)

    def percentiles_ms(self) -> dict[str, float]:
        """Return p50, p90, p99, p99.9 and max of the answered requests; NaN when none was."""
        latencies = self.latencies_ms()
        named = {f"p{percent:g}": percentile(latencies, percent) for percent in PERCENTILES}
        return named | {"max": latencies[-1] if latencies else math.nan}

    @property
    def lateness_ms(self) -> float:
        """p99 of how late requests left, because of this process or for want of callers: it should be small."""
        return percentile(sorted((one.started - one.due) * 1000 for one in self.samples), 99)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the least value that at least `percent` % of the sorted values do not exceed; NaN for none."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(len(ordered) * percent / 100 - 1e-9) - 1)]


def arrivals(load: Load, chance: random.Random) -> Iterator[float]:
    """Yield when requests of an open loop are due: a Poisson process whose rate goes from `rate` to `ramp_to`.

    A unit-rate process, with its time stretched by the inverse of the rate's integral. Source: time change theorem.
    """
    slope = ((load.ramp_to or load.rate) - load.rate) / load.seconds
    passed = 0.0
    while True:
        passed += chance.expovariate(1.0)
        at = _inverse_integral(load.rate, slope, passed)
        if at is None or at >= load.seconds:
            return
        yield at


def drive(
    target: Target,
    photographs: Sequence[Photograph],
    load: Load,
    watch: Callable[[Result, float], None] | None = None,
) -> Result:
    """Send `load` to `target` and return what came of it; `watch(result so far, seconds)` is called now and then.

    Raises:
        LoadError: there are no photographs.
    """
    if not photographs:
        raise LoadError("photographs: none; give a folder that holds some")
    send = _open if load.rate else _closed
    if load.warm_up_seconds:  # of the same kind, so that as many connections and environments are there afterwards
        warm_up = replace(load, seconds=load.warm_up_seconds, ramp_to=0.0, warm_up_seconds=0.0, seed=load.seed + 1)
        send(target, photographs, warm_up, None)
    return send(target, photographs, load, watch)


def _closed(target: Target, photographs: Sequence[Photograph], load: Load, watch: _Watch) -> Result:
    result, began = Result(target.name, load), time.perf_counter()

    def call(number: int) -> None:
        turn = number
        while (started := time.perf_counter() - began) < load.seconds:
            outcome = target.send(photographs[turn % len(photographs)])
            result.samples.append(Sample(started, started, time.perf_counter() - began, outcome))
            turn += load.concurrency
            if outcome != OK:
                time.sleep(_PAUSE_AFTER_FAILURE_SECONDS)

    callers = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(load.concurrency)]
    _run(callers, result, began, watch)
    return result


def _open(target: Target, photographs: Sequence[Photograph], load: Load, watch: _Watch) -> Result:
    result, began = Result(target.name, load), time.perf_counter()
    waiting: queue.SimpleQueue[tuple[float, Photograph] | None] = queue.SimpleQueue()

    def send_due() -> None:
        chance = random.Random(load.seed)  # noqa: S311 (arrivals, not secrets)
        for number, due in enumerate(arrivals(load, chance)):
            time.sleep(max(0.0, due - (time.perf_counter() - began)))
            waiting.put((due, photographs[number % len(photographs)]))
        for _ in range(MAX_IN_FLIGHT):
            waiting.put(None)

    def call() -> None:
        while (item := waiting.get()) is not None:
            due, photograph = item
            started = time.perf_counter() - began
            outcome = target.send(photograph)
            result.samples.append(Sample(due, started, time.perf_counter() - began, outcome))

    threads = [threading.Thread(target=call, daemon=True) for _ in range(MAX_IN_FLIGHT)]
    _run([*threads, threading.Thread(target=send_due, daemon=True)], result, began, watch)
    return result


_Watch = Callable[[Result, float], None] | None


def _run(threads: list[threading.Thread], result: Result, began: float, watch: _Watch) -> None:
    """Start `threads` and wait for them; a target that never answers is not waited for without end."""
    for thread in threads:
        thread.start()
    give_up_at = began + result.load.seconds + _DRAIN_SECONDS
    while any(thread.is_alive() for thread in threads):
        if time.perf_counter() > give_up_at:
            raise LoadError(f"{result.target}: requests are unanswered {_DRAIN_SECONDS:g} s after the last one left")
        if watch is not None:
            watch(result, time.perf_counter() - began)
        next(thread for thread in reversed(threads) if thread.is_alive() or thread is threads[0]).join(0.2)


def _inverse_integral(rate: float, slope: float, area: float) -> float | None:
    """Return t with rate t + slope t^2 / 2 = area; None when it is never reached."""
    if abs(slope) < 1e-12:
        return area / rate
    root = rate * rate + 2 * slope * area
    return None if root < 0 else (math.sqrt(root) - rate) / slope
