"""Traffic: when requests come, from a file, from a pattern, or as minutes were counted."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ops.errors import LoadError

MINUTE = 60
MAX_REQUESTS = 20_000_000
MAX_MINUTES = 100 * 24 * 60
_DAY_MINUTES = 24 * 60
_SPIKE = 10.0  # times the rate
_SPIKE_MINUTES = 20
_NIGHT = 0.1  # of the mean, at four in the morning


@dataclass(frozen=True)
class Trace:
    """Requests in the order in which they come; seconds since the beginning, which is at `start_hour` of a day."""

    name: str
    seconds: NDArray[np.float64]
    num_minutes: int
    start_hour: int = 0

    @property
    def per_minute(self) -> list[int]:
        """Return how many requests come in each minute."""
        counts = np.bincount((self.seconds // MINUTE).astype(int), minlength=self.num_minutes)
        return [int(count) for count in counts]

    @property
    def hours(self) -> float:
        """Return how long it is."""
        return self.num_minutes / 60

    def hour_of_day(self, minute: int) -> int:
        """Return in which hour of a day a minute of the trace lies."""
        return (self.start_hour + minute // 60) % 24


def of_counts(name: str, counts: Sequence[float], *, start_hour: int = 0, seed: int = 0) -> Trace:
    """Return the trace with so many requests in each minute, at random times within it.

    Given their number, the arrivals of a Poisson process are independent and uniform. Parts of a request add up: five
    minutes of 0.4 are two requests.

    Raises:
        LoadError: there is no minute, a count is no number of requests, or there are too many to go through.
    """
    if not counts or not all(0 <= count < math.inf for count in counts):
        raise LoadError(f"trace {name!r}: {list(counts[:3])!r} ...; expected the requests of each minute, 0 or more")
    _check_size(f"trace {name!r}", len(counts), sum(counts))
    chance = np.random.default_rng(seed)
    whole = np.diff(np.rint(np.cumsum(counts)), prepend=0).astype(int)
    minutes = np.repeat(np.arange(len(counts)), whole)
    seconds = np.sort((minutes + chance.random(len(minutes))) * MINUTE)
    return Trace(name, seconds, len(counts), start_hour)


def _check_size(what: str, minutes: float, requests: float) -> None:
    if not minutes <= MAX_MINUTES:
        raise LoadError(f"{what}: {minutes / 60:.0f} hours; at most {MAX_MINUTES // 60}, so give fewer")
    if not requests <= MAX_REQUESTS:
        raise LoadError(f"{what}: {requests:.0f} requests; at most {MAX_REQUESTS}, so give fewer hours")


def steady(minute: int) -> float:
    """Return the same share of the mean for every minute."""
    return 1.0


def daily(minute: int) -> float:
    """Return a day's share: a tenth of the mean at four in the morning, nearly twice it at four in the afternoon."""
    return 1 - (1 - _NIGHT) * math.cos(2 * math.pi * (minute - 4 * 60) / _DAY_MINUTES)


def spike(minute: int) -> float:
    """Return a quiet hour, then ten times as much for 20 minutes, then quiet again."""
    return _SPIKE if 0 <= minute - 60 < _SPIKE_MINUTES else 1.0


PATTERNS: dict[str, Callable[[int], float]] = {"steady": steady, "daily": daily, "spike": spike}
_HOURS = {"steady": 4.0, "daily": 24.0, "spike": 4.0}


def pattern(name: str, rate: float, hours: float = 0.0, seed: int = 0) -> Trace:
    """Return a made-up traffic of `rate` invocations a minute (for a spike: before and after it); Poisson counts.

    Raises:
        LoadError: the rate or the length is not above 0.
    """
    minutes = (hours or _HOURS[name]) * 60
    if not rate > 0 or not minutes >= 1:
        raise LoadError(f"pattern {name!r}: rate {rate!r}, {hours!r} hours; give more than 0")
    _check_size(f"pattern {name!r}", minutes, 0)
    means = [rate * PATTERNS[name](minute) for minute in range(round(minutes))]
    _check_size(f"pattern {name!r}", len(means), sum(means))
    counts = np.random.default_rng(seed).poisson(means)
    return of_counts(f"{name}, {rate:g} a minute", [int(count) for count in counts], seed=seed + 1)


def from_file(path: Path) -> Trace:
    """Return the trace of a file: OUT.json of `deploy.py load`, or CSV lines whose last cell is a minute's requests.

    Where each line's first cell is a time, a line's requests are spread until the next time there could be (the least
    that lies between two), and what has no line had no request; else lines are minutes that follow each other.

    Raises:
        LoadError: it is neither, or its times are not in order or not whole minutes apart.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".json":
        return _of_load(path, text)
    rows = [row for row in csv.reader(text.splitlines()) if row and row[-1].strip()]
    if rows and not _is_count(rows[0][-1]):
        rows = rows[1:]  # names of the columns
    wrong = next((row for row in rows if not _is_count(row[-1])), None)
    if not rows or wrong is not None:
        raise LoadError(f"{str(path)!r}: {wrong or 'no line'}; expected lines such as 2026-11-30T12:00,420")
    times = [_time(row[0]) if len(row) > 1 else None for row in rows]
    counts = [float(row[-1]) for row in rows]
    if None in times:
        return of_counts(path.name, counts)
    known = [time for time in times if time is not None]
    return of_counts(path.name, _by_time(str(path), known, counts), start_hour=known[0].hour)


def _by_time(name: str, times: Sequence[datetime], counts: Sequence[float]) -> list[float]:
    """Return the requests of each minute from the first time on."""
    try:
        places = [(time - times[0]).total_seconds() / MINUTE for time in times]
    except TypeError:
        raise LoadError(f"{name!r}: some times have a zone and some have none; give all of them in UTC") from None
    gaps = [later - place for place, later in pairwise(places)]
    wrong = next((number for number, gap in enumerate(gaps) if gap < 1 or gap % 1), None)
    if wrong is not None:
        pair = f"{times[wrong].isoformat()} and then {times[wrong + 1].isoformat()}"
        raise LoadError(f"{name!r}: {pair}; expected lines whole minutes apart, the oldest first, in UTC")
    period = int(min(gaps, default=1))
    _check_size(repr(name), places[-1] + period, sum(counts))
    spread = [0.0] * (int(places[-1]) + period)
    for place, count in zip(places, counts, strict=True):
        spread[int(place) : int(place) + period] = [count / period] * period
    return spread


def _of_load(path: Path, text: str) -> Trace:
    try:
        written = json.loads(text)[0]
        seconds = sorted(float(sample[0]) for sample in written["samples"])
    except (ValueError, TypeError, LookupError) as error:
        raise LoadError(
            f"{str(path)!r}: not what `deploy.py load --out` writes ({error!r}); give its OUT.json"
        ) from error
    if not seconds or not seconds[0] >= 0 or not seconds[-1] < MAX_REQUESTS:
        raise LoadError(f"{str(path)!r}: {len(seconds)} requests; expected some, at times of 0 or more")
    return Trace(path.name, np.array(seconds), int(seconds[-1] // MINUTE) + 1)


def _is_count(cell: str) -> bool:
    try:
        return 0 <= float(cell) < math.inf
    except ValueError:
        return False


def _time(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
