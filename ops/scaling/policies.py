"""Ways to scale an endpoint's variant, each deciding once a minute by what the minutes before were like.

Source: Application Auto Scaling user guide, "How target tracking scaling works", "How step scaling works" and "How
scheduled scaling works". Target tracking is the embedded account's, which is held to what AWS documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Protocol

_OUT_MINUTES, _IN_MINUTES = 3, 15
MOST_MINUTES = _IN_MINUTES  # that a rule looks back
_LOW_SHARE = 0.9  # of the target: below it the low alarm breaches


class Rule(Protocol):
    """Decides on capacity; one is made for each simulation, since it remembers what it changed."""

    def wanted(self, now: float, hour: int, invocations: Sequence[float], current: int) -> int | None:
        """Return the capacity to go to, or None; `invocations` are an instance's in each of the minutes until now."""

    def changed(self, now: float) -> None:
        """Note that what `wanted` returned last is carried out now: a cooldown begins."""


@dataclass(frozen=True)
class Policy:
    """A way to scale, as a person names it: bounds, and the rule between them."""

    name: str
    least: int
    most: int
    settings: TargetTracking | Steps | Schedule | None = None  # None: `least` instances, always

    def rule(self) -> Rule:
        """Return the rule at its beginning."""
        if isinstance(self.settings, TargetTracking):
            return _Tracker(self.settings, self.least, self.most)
        if isinstance(self.settings, Steps):
            return _Stepper(self.settings, self.least, self.most)
        return _Scheduler(self.settings, self.least)


@dataclass(frozen=True)
class TargetTracking:
    """Invocations an instance and minute that are aimed at, and the two pauses in seconds."""

    target: float
    out_cooldown: float
    in_cooldown: float


@dataclass(frozen=True)
class Steps:
    """Instances to add at a share above the threshold, one to take at less than `low` of it for 15 minutes."""

    threshold: float
    cooldown: float
    add: tuple[tuple[float, int], ...] = ((1.0, 1), (1.5, 2), (3.0, 4))  # (from so many times the threshold, instances)
    low: float = 0.5


@dataclass(frozen=True)
class Schedule:
    """Instances for each of a day's 24 hours."""

    capacities: tuple[int, ...]


@dataclass
class _Tracker:
    """Out after 3 of 3 minutes above the target, in after 15 of 15 below 90 % of it."""

    settings: TargetTracking
    least: int
    most: int
    out_at: float = -inf
    in_at: float = -inf
    out_from: int = 0
    last: tuple[bool, int] = field(
        default=(False, 0)
    )  # whether the last answer was out, and what a cooldown counts from

    def wanted(self, now: float, hour: int, invocations: Sequence[float], current: int) -> int | None:
        """Return the capacity that holds the last minute at the target, if the alarms call for a change."""
        target = self.settings.target
        if len(invocations) >= _OUT_MINUTES and min(invocations[-_OUT_MINUTES:]) > target:
            # What the last scale-out added counts as a part of what is wanted now, until it has cooled down.
            base = self.out_from if now < self.out_at + self.settings.out_cooldown else current
            wanted = self._holding(base, invocations[-1])
            self.last = True, base
            return wanted if wanted > current else None
        may = now >= max(self.in_at, self.out_at) + self.settings.in_cooldown
        if may and len(invocations) >= _IN_MINUTES and max(invocations[-_IN_MINUTES:]) < _LOW_SHARE * target:
            wanted = self._holding(current, invocations[-1])
            self.last = False, current
            return wanted if wanted < current else None
        return None

    def changed(self, now: float) -> None:
        """Begin the cooldown of the way that was gone."""
        is_out, base = self.last
        if is_out:
            self.out_at, self.out_from = now, base
        else:
            self.in_at = now

    def _holding(self, current: int, value: float) -> int:
        return min(self.most, max(self.least, ceil(round(current * value / self.settings.target, 9))))


@dataclass
class _Stepper:
    """Steps by how far the last minute was above the threshold; one instance less after 15 quiet minutes."""

    settings: Steps
    least: int
    most: int
    changed_at: float = -inf

    def wanted(self, now: float, hour: int, invocations: Sequence[float], current: int) -> int | None:
        """Return the capacity after the step, once the last change has cooled down."""
        if not invocations or now < self.changed_at + self.settings.cooldown:
            return None
        threshold, change = self.settings.threshold, 0
        if invocations[-1] > threshold:
            change = max(number for share, number in self.settings.add if invocations[-1] > share * threshold)
        elif len(invocations) >= _IN_MINUTES and max(invocations[-_IN_MINUTES:]) < self.settings.low * threshold:
            change = -1
        wanted = min(self.most, max(self.least, current + change))
        return wanted if wanted != current else None

    def changed(self, now: float) -> None:
        """Begin the cooldown."""
        self.changed_at = now


@dataclass
class _Scheduler:
    """The hour's capacity, or always the same."""

    settings: Schedule | None
    least: int

    def wanted(self, now: float, hour: int, invocations: Sequence[float], current: int) -> int | None:
        """Return the capacity of this hour."""
        wanted = self.settings.capacities[hour] if self.settings else self.least
        return wanted if wanted != current else None

    def changed(self, now: float) -> None:
        """Forget nothing: a schedule has no cooldown."""
