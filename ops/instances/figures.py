"""What a job of a few epochs says of a whole training: images a second, dollars a million of them, time to the end."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.console import duration
from ops.instances.shapes import Shape
from ops.prices.words import money
from ops.runs.training_logs import epoch_values

_HOUR = 3600.0
COLUMNS = ["instances", "images a second", "an epoch", "a million images", "time to the end", "costs", ""]


@dataclass(frozen=True)
class Figures:
    """One shape, measured. `overhead` is what a job takes beside its epochs, `start` what comes before it is billed."""

    shape: Shape
    images_per_second: float
    epoch: float
    overhead: float
    start: float
    dollars_an_hour: float | None  # of one instance; None where nobody has said

    def seconds(self, epochs: int) -> float:
        """Return how long a training of so many epochs takes, from its request to its end."""
        return self.start + self._billed(epochs)

    def dollars(self, epochs: int) -> float | None:
        """Return what it costs: the start is not billed, every instance is."""
        return self._price(self._billed(epochs))

    @property
    def dollars_a_million(self) -> float | None:
        """Return what a million pictures cost, once, while it trains."""
        return self._price(1e6 / self.images_per_second)

    def _billed(self, epochs: int) -> float:
        return self.overhead + self.epoch * epochs

    def _price(self, seconds: float) -> float | None:
        each = self.dollars_an_hour
        return None if each is None else self.shape.count * each * seconds / _HOUR


def figures(
    shape: Shape, described: Mapping[str, Any], lines: Iterable[str], dollars_an_hour: float | None
) -> Figures | None:
    """Return what a completed job has measured; None when it printed no epoch.

    The first epoch fills caches and starts workers, so where there are more it counts as overhead.
    """
    epochs = [one for one in epoch_values(lines) if "seconds" in one and "images_per_second" in one]
    seconds = [float(one["seconds"]) for one in epochs]
    rates = [float(one["images_per_second"]) for one in epochs]
    if not rates:
        return None
    settled = slice(1 if len(rates) > 1 else 0, None)
    epoch = statistics.median(seconds[settled])
    began, ended = described["TrainingStartTime"], described["TrainingEndTime"]
    return Figures(
        shape=shape,
        images_per_second=statistics.median(rates[settled]),
        epoch=epoch,
        overhead=max(0.0, (ended - began).total_seconds() - epoch * len(rates)),
        start=max(0.0, (began - described["CreationTime"]).total_seconds()),
        dollars_an_hour=dollars_an_hour,
    )


def rows(measured: Sequence[Figures], epochs: int) -> list[list[str]]:
    """Return a row a shape for a training of so many epochs, in the order measured; the best two are marked."""
    fastest = min(measured, key=lambda one: one.seconds(epochs))
    priced = [one for one in measured if one.dollars(epochs) is not None]
    cheapest = min(priced, key=lambda one: one.dollars(epochs) or 0.0) if priced else None
    return [
        [
            str(one.shape),
            f"{one.images_per_second:,.0f}",
            duration(one.epoch),
            money(one.dollars_a_million),
            duration(one.seconds(epochs)),
            money(one.dollars(epochs)),
            ", ".join([*(["fastest"] if one is fastest else []), *(["cheapest"] if one is cheapest else [])]),
        ]
        for one in measured
    ]


def sentence(measured: Sequence[Figures], epochs: int) -> str:
    """Return what the fastest shape gives for its price, against the cheapest."""
    priced = [one for one in measured if one.dollars(epochs)]
    if len(priced) < 2:  # noqa: PLR2004 (nothing to compare)
        return ""
    fast = min(priced, key=lambda one: one.seconds(epochs))
    cheap = min(priced, key=lambda one: one.dollars(epochs) or 0.0)
    if fast is cheap:
        return f"{cheap.shape} is both the fastest and the cheapest for {epochs} epochs"
    saved = cheap.seconds(epochs) - fast.seconds(epochs)
    ratio = (fast.dollars(epochs) or 0.0) / (cheap.dollars(epochs) or 1.0)
    return f"{fast.shape} ends {duration(saved)} before {cheap.shape} and costs {ratio:.1f} times as much"
