"""Traffic: when requests come, from a file, from a pattern, or as minutes were counted."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ops.errors import LoadError

MINUTE = 60
MAX_REQUESTS = 20_000_000
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

    Given their number, the arrivals of a Poisson process are independent and uniform.

    Raises:
        LoadError: there is no minute, a count is no number of requests, or there are too many to go through.
    """
    if not counts or not all(0 <= count < math.inf for count in counts):
        raise LoadError(f"trace {name!r}: {list(counts[:3])!r} ...; expected the requests of each minute, 0 or more")
    if sum(counts) > MAX_REQUESTS:
        raise LoadError(f"trace {name!r}: {sum(counts):.0f} requests; at most {MAX_REQUESTS}, so give fewer hours")
    chance = np.random.default_rng(seed)
    whole = np.array([int(count) for count in counts])
    minutes = np.repeat(np.arange(len(counts)), whole)
    seconds = np.sort((minutes + chance.random(len(minutes))) * MINUTE)
    return Trace(name, seconds, len(counts), start_hour)


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
    num_minutes = round((hours or _HOURS[name]) * 60)
    if not rate > 0 or num_minutes < 1:
        raise LoadError(f"pattern {name!r}: rate {rate!r}, {hours!r} hours; give more than 0")
    means = [rate * PATTERNS[name](minute) for minute in range(num_minutes)]
    if sum(means) > MAX_REQUESTS:
        raise LoadError(f"pattern {name!r}: {sum(means):.0f} requests; at most {MAX_REQUESTS}, so give fewer hours")
    counts = np.random.default_rng(seed).poisson(means)
    return of_counts(f"{name}, {rate:g} a minute", [int(count) for count in counts], seed=seed + 1)


def from_file(path: Path) -> Trace:
    """Return the trace of a file: OUT.json of `deploy.py load`, or CSV lines whose last cell is a minute's requests.

    A CSV's first cell, where there are two, is a time, whose hour counts; lines are minutes that follow each other.

    Raises:
        LoadError: it is neither.
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
    return of_counts(path.name, [float(row[-1]) for row in rows], start_hour=_hour(rows[0][0]))


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


def _hour(cell: str) -> int:
    try:
        return datetime.fromisoformat(cell.strip()).hour
    except ValueError:
        return 0
