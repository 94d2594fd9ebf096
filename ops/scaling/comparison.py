"""Policies side by side on one traffic: the usual guesses, none at all, the stack's own, and what was recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from ops.scaling.fleet import Service
from ops.scaling.policies import Policy, Schedule, Steps, TargetTracking
from ops.scaling.recommendation import Recommendation
from ops.scaling.simulation import Outcome, simulate
from ops.scaling.traces import Trace

MONTH_HOURS = 730
COLUMNS = ["policy", "p50 ms", "p95 ms", "refused", "too late", "instances", "paid hours", "$", "$ a month"]
# What such projects use: bounds, invocations an instance and minute, both cooldowns.
GUESSES = (
    Policy("1-3, target 30, 30 s", 1, 3, TargetTracking(30, 30, 30)),
    Policy("1-3, target 20, 30 s", 1, 3, TargetTracking(20, 30, 30)),
    Policy("1-100, target 10, 100 s", 1, 100, TargetTracking(10, 100, 100)),
    Policy("1-3, target 10, 30 s", 1, 3, TargetTracking(10, 30, 30)),
)


@dataclass(frozen=True)
class Row:
    """What one policy came to, and what its instances cost at `price` an hour (None: not known)."""

    outcome: Outcome
    hours: float
    price: float | None

    @property
    def dollars(self) -> float | None:
        """Return the price of the instances for the length of the trace."""
        return None if self.price is None else self.outcome.instance_hours * self.price

    @property
    def monthly(self) -> float | None:
        """Return the price of a month of such traffic."""
        return None if self.dollars is None else self.dollars / self.hours * MONTH_HOURS

    @property
    def most(self) -> float:
        """Return the most instances there were."""
        return max(minute.instances for minute in self.outcome.minutes)

    def cells(self) -> list[str]:
        """Return it as a row of the table that people read."""
        one = self.outcome
        times = [_number(1000 * one.percentile(percent), "{:.0f}") for percent in (50, 95)]
        refused = _share(one.num_refused + one.num_throttled, one.num_requests)
        late = _share(one.num_late, one.num_requests)
        least = min(minute.instances for minute in one.minutes)
        count = f"{least:.0f}" if round(least) == round(self.most) else f"{least:.0f} to {self.most:.0f}"
        money = [_number(value, "{:,.2f}") for value in (self.dollars, self.monthly)]
        return [one.policy.name, *times, refused, late, count, f"{one.instance_hours:,.1f}", *money]


def of_stack(values: Mapping[str, str], whose: str) -> Policy:
    """Return the policy that the template's parameters `values` make; `whose` they are."""
    least, most = int(values["ScalingMinInstances"]), int(values["ScalingMaxInstances"])
    target = float(values["ScalingTargetInvocations"])
    out, back = (float(values[f"Scale{way}CooldownSeconds"]) for way in ("Out", "In"))
    name = f"{whose}: {least}-{most}, target {target:g}, {out:g} and {back:g} s"
    return Policy(name, least, most, TargetTracking(target, out, back))


def candidates(
    trace: Trace, recommended: Recommendation, values: Mapping[str, str], whose: str = "the stack's"
) -> list[Policy]:
    """Return what is compared on `trace`: without scaling, guessed, the stack's own, recommended, and other kinds."""
    busiest = recommended.instances(max(trace.per_minute))
    tracking = recommended.tracking
    name = f"recommended: 1-{busiest}, target {tracking.target:g}, {tracking.out_cooldown:g} and"
    return [
        Policy("no scaling, 1 instance", 1, 1),
        *([Policy(f"no scaling, {busiest} instances", busiest, busiest)] if busiest > 1 else []),
        *GUESSES,
        of_stack(values, whose),
        Policy(f"{name} {tracking.in_cooldown:g} s", 1, busiest, tracking),
        Policy(f"steps at {tracking.target:g}, 60 s", 1, busiest, Steps(tracking.target, 60)),
        Policy("scheduled by the hours of this traffic", 1, busiest, Schedule(_by_hour(trace, recommended))),
    ]


def compare(trace: Trace, policies: Sequence[Policy], service: Service, price: float | None) -> list[Row]:
    """Return a row for each policy."""
    return [Row(simulate(trace, policy, service), trace.hours, price) for policy in policies]


def _by_hour(trace: Trace, recommended: Recommendation) -> tuple[int, ...]:
    """Return what the busiest minute of each hour of the day asked for: a schedule that knows the traffic."""
    busiest = [0.0] * 24
    for minute, count in enumerate(trace.per_minute):
        hour = trace.hour_of_day(minute)
        busiest[hour] = max(busiest[hour], count)
    return tuple(recommended.instances(count) for count in busiest)


def _share(count: int, total: int) -> str:
    """Return a share as people read it: 0, or at least a hundredth of a percent."""
    return "0" if not count else f"{max(0.01, 100 * count / total):.2f} %"


def _number(value: float | None, form: str) -> str:
    return "?" if value is None or isnan(value) else form.format(value)
