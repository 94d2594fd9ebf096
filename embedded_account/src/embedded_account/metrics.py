"""The account's CloudWatch samples: kept by minute, bounded, exact in count, sum, minimum and maximum."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import copysign, exp, floor, isfinite, log
from threading import Lock
from typing import NamedTuple

from embedded_account.durability.pickles import dumps, loads

MINUTE = 60
_MAX_SERIES = 5_000
_MAX_BUCKETS = 2_880  # two days of minutes a series
_MAX_EXACT_VALUES = 100
_LOG_STEP = log(1.01)  # beyond that many different values, percentiles are exact to 1 %


class SeriesKey(NamedTuple):
    """What identifies a metric: its namespace, name and dimensions, sorted by name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass
class Bucket:
    """The samples of a span of time; `values` maps a value, maybe rounded to 1 %, to how often it came."""

    count: float = 0.0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    values: dict[float, float] = field(default_factory=dict)

    def add(self, value: float, count: float) -> None:
        """Add `count` samples of `value`."""
        self._note(count, value * count, value, value)
        self._add_value(value, count)

    def add_summary(self, count: float, total: float, minimum: float, maximum: float) -> None:
        """Add samples of which only the summary is known; for percentiles they count as their mean."""
        self._note(count, total, minimum, maximum)
        if count:
            self._add_value(total / count, count)

    def merge(self, other: "Bucket") -> None:
        """Add the samples of `other`."""
        self._note(other.count, other.total, other.minimum, other.maximum)
        for value, count in other.values.items():
            self._add_value(value, count)

    def percentile(self, percent: float) -> float:
        """Return the least value that at least `percent` % of the samples do not exceed."""
        needed, seen = self.count * percent / 100, 0.0
        for value in sorted(self.values):
            seen += self.values[value]
            if seen >= needed:
                return min(max(value, self.minimum), self.maximum)
        return self.maximum

    def _note(self, count: float, total: float, minimum: float, maximum: float) -> None:
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)

    def _add_value(self, value: float, count: float) -> None:
        if value not in self.values and len(self.values) >= _MAX_EXACT_VALUES:
            value = _rounded(value)
        self.values[value] = self.values.get(value, 0.0) + count


@dataclass
class Series:
    """The buckets of one metric by the second at which they start, oldest first, and the unit given last."""

    unit: str = "None"
    buckets: OrderedDict[int, Bucket] = field(default_factory=OrderedDict)

    def bucket(self, at: float) -> Bucket:
        """Return the bucket of the minute of `at`, made if it is missing; the oldest one may be dropped for it."""
        start = int(at) // MINUTE * MINUTE
        if start not in self.buckets:
            is_late = bool(self.buckets) and start < next(reversed(self.buckets))
            self.buckets[start] = Bucket()
            if is_late:
                self.buckets = OrderedDict(sorted(self.buckets.items()))
            if len(self.buckets) > _MAX_BUCKETS:
                self.buckets.popitem(last=False)
        return self.buckets[start]


class MetricStore:
    """Keeps samples and answers for spans of time; thread-safe. Seconds are since the epoch."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._series: OrderedDict[SeriesKey, Series] = OrderedDict()

    def put(self, key: SeriesKey, unit: str, at: float, value: float, count: float = 1.0) -> None:
        """Record `count` samples of `value`.

        Raises:
            ValueError: `value` is not finite.
        """
        if not isfinite(value) or not isfinite(count):
            raise ValueError(f"metric {key.name!r}: {value!r}; a sample is a finite number")
        with self._lock:
            self._of(key, unit).bucket(at).add(value, count)

    def put_summary(
        self, key: SeriesKey, unit: str, at: float, count: float, total: float, minimum: float, maximum: float
    ) -> None:
        """Record `count` samples of which only the sum, the minimum and the maximum are known."""
        with self._lock:
            self._of(key, unit).bucket(at).add_summary(count, total, minimum, maximum)

    def periods(self, key: SeriesKey, start: float, end: float, period: int) -> list[tuple[int, Bucket]]:
        """Return the samples of each `period` seconds that begins in [start, end), by its begin; none without samples.

        Periods begin at multiples of `period`, as CloudWatch aligns them.
        """
        first = floor(start / period) * period
        merged: dict[int, Bucket] = {}
        with self._lock:
            series = self._series.get(key)
            buckets = series.buckets if series else OrderedDict[int, Bucket]()
            for at in reversed(buckets):
                if at < first:
                    break
                begin = at // period * period
                if begin < end:
                    merged.setdefault(begin, Bucket()).merge(buckets[at])
        return sorted(merged.items())

    def unit(self, key: SeriesKey) -> str:
        """Return the unit of the metric; "None" for one without samples."""
        with self._lock:
            series = self._series.get(key)
            return series.unit if series else "None"

    def names(self) -> list[SeriesKey]:
        """Return every metric that has samples."""
        with self._lock:
            return list(self._series)

    def dump(self) -> bytes:
        """Return all samples, for `restore`."""
        with self._lock:
            return dumps(self._series, {})

    def restore(self, content: bytes) -> None:
        """Take back the samples that `dump` returned, from a file of the account's own folder."""
        with self._lock:
            self._series = loads(content, {})

    def _of(self, key: SeriesKey, unit: str) -> Series:
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series()
            if len(self._series) > _MAX_SERIES:
                self._series.popitem(last=False)
        else:
            self._series.move_to_end(key)
        series.unit = unit
        return series


def series_key(namespace: str, name: str, dimensions: Mapping[str, str] | Iterable[Mapping[str, str]]) -> SeriesKey:
    """Return the key of a metric; dimensions as a mapping, or as CloudWatch lists them."""
    pairs = (
        dimensions.items()
        if isinstance(dimensions, Mapping)
        else ((entry["Name"], entry["Value"]) for entry in dimensions)
    )
    return SeriesKey(namespace, name, tuple(sorted(pairs)))


def _rounded(value: float) -> float:
    if value == 0:
        return 0.0
    step = round(log(abs(value)) / _LOG_STEP)
    return copysign(exp(step * _LOG_STEP), value)
