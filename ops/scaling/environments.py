"""The prediction function's execution environments on a traffic: how many at one time, and how many start cold.

Source: Lambda developer guide, "Understanding Lambda function scaling": concurrency is rate times duration; an
environment answers one request at a time; provisioned ones come first, and what they cannot take starts on demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from ops.scaling.traces import MINUTE, Trace

IDLE_SECONDS = 600.0  # an unused environment is kept for some minutes; AWS does not say how many
_SURE = 0.999
COLUMNS = ["provisioned", "cold starts", "of requests", "avoided", "each", "$ a month"]


@dataclass(frozen=True)
class Provisioned:
    """What so many environments that are kept ready come to, on a traffic."""

    number: int
    num_cold: int
    num_requests: int
    monthly: float | None  # dollars, of being ready alone

    def cells(self, without: int, cold_ms: float) -> list[str]:
        """Return it as a row of the table that people read; `without` any there were so many cold starts."""
        share = f"{100 * self.num_cold / self.num_requests:.3f} %" if self.num_requests else "0"
        cost = "?" if self.monthly is None else f"{self.monthly:,.2f}"
        return [str(self.number), str(self.num_cold), share, str(without - self.num_cold), f"{cold_ms:g} ms", cost]


def at_one_time(per_minute: float, seconds: float) -> int:
    """Return how many predictions there are at one time, at most, in 999 of 1,000 moments of such a minute.

    Source: the number of customers of M/G/infinity is Poisson, whatever the service takes.
    """
    from scipy.stats import poisson

    return max(1, int(poisson.ppf(_SURE, per_minute / MINUTE * seconds)))


def cold_starts(trace: Trace, seconds: float, provisioned: int) -> int:
    """Return how many requests wait for an environment to start, when `provisioned` are kept ready."""
    ready: list[float] = []  # when each that is kept ready ends its request
    busy: list[float] = []  # the same of those on demand
    idle: list[float] = []  # since when each on demand has nothing to do, the last to be so at the end
    num_cold = 0
    for at in trace.seconds.tolist():
        while ready and ready[0] <= at:
            heappop(ready)
        while busy and busy[0] <= at:
            idle.append(heappop(busy))
        if len(ready) < provisioned:
            heappush(ready, at + seconds)
            continue
        if idle and at - idle[-1] < IDLE_SECONDS:
            idle.pop()
        else:
            idle.clear()
            num_cold += 1
        heappush(busy, at + seconds)
    return num_cold


def options(trace: Trace, seconds: float, price: float | None) -> list[Provisioned]:
    """Return what no environment, one, and what the mean and the busiest minute need come to; `price` is a month's."""
    counts = trace.per_minute
    mean, most = (at_one_time(each, seconds) for each in (len(trace.seconds) / trace.num_minutes, max(counts)))
    return [
        Provisioned(number, cold_starts(trace, seconds, number), len(trace.seconds), _times(price, number))
        for number in sorted({0, 1, mean, most})
    ]


def table_rows(rows: Sequence[Provisioned], cold_ms: float) -> list[list[str]]:
    """Return the rows of the table; the first is that without any."""
    return [row.cells(rows[0].num_cold, cold_ms) for row in rows]


def _times(price: float | None, number: int) -> float | None:
    return None if price is None else price * number
