"""Brings a target to the capacity that its policies call for, as cooldowns, suspensions and bounds let it."""

import json
from collections.abc import Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.autoscaling import steps
from embedded_account.autoscaling.activities import Activities
from embedded_account.autoscaling.targets import STEPS, Policy, Target
from embedded_account.autoscaling.tracking import DEFAULT_COOLDOWN_SECONDS, TrackedMetric, wanted_capacity
from embedded_account.cloudwatch.statistics import statistic
from embedded_account.metrics import MINUTE, series_key


class Scaler:
    """Decides by the account's metrics and clock, and lets `activities` make the change."""

    def __init__(self, account: Account, activities: Activities) -> None:
        self._account = account
        self._activities = activities

    def scale(self, target: Target, policy: Policy, alarm: Mapping[str, Any]) -> None:
        """Scale as `policy` says, whose `alarm` is in state ALARM."""
        status, current = self._activities.capacity(target.description)
        if status != "InService":
            return
        wanted, cools = self._called_for(target, policy, alarm, current)
        if wanted is None or wanted == current:
            return
        is_out = wanted > current
        if not self._may(target, policy, is_out=is_out):
            return
        cause = f"monitor alarm {alarm['AlarmName']} in state ALARM triggered policy {policy.name}"
        if self._activities.set_capacity(target.description, wanted, cause):
            self._note(target, current, is_out=is_out, cools=cools)

    def _called_for(
        self, target: Target, policy: Policy, alarm: Mapping[str, Any], current: int
    ) -> tuple[int | None, bool]:
        """Return the capacity that an alarm calls for, and whether a scale-out of before counts as part of it."""
        if policy.kind == STEPS:
            breach = self._breach(alarm)
            cools = self._cools(target, policy)
            wanted = steps.adjusted(policy.config, target.scaled_out_from if cools else current, breach)
            if cools and (wanted is None or wanted <= current):  # it takes nothing away, but may with its own cooldown
                wanted, cools = steps.adjusted(policy.config, current, breach), False
                wanted = None if wanted is None or wanted > current else wanted
            return None if wanted is None else _within(target, wanted), cools
        is_out = alarm["AlarmName"] == policy.names["High"]
        cools = is_out and self._cools(target, policy)
        wanted = self.wanted(target, target.scaled_out_from if cools else current)
        return None if wanted is None or (wanted > current) != is_out else wanted, cools

    def _breach(self, alarm: Mapping[str, Any]) -> float:
        """Return how far the alarm's metric was beyond its threshold in the last period that has samples."""
        period = int(alarm.get("Period") or MINUTE)
        end = int(self._account.clock.time()) // MINUTE * MINUTE
        dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", ())}
        key = series_key(str(alarm.get("Namespace", "")), str(alarm.get("MetricName", "")), dimensions)
        periods = self._account.metrics.periods(key, end - 3 * period, end, period)
        value = statistic(periods[-1][1], str(alarm.get("Statistic", "Average"))) if periods else _last(alarm)
        return value - float(alarm["Threshold"])

    def _note(self, target: Target, before: int, *, is_out: bool, cools: bool) -> None:
        """Begin the cooldown of a change that went well."""
        now = self._account.clock.time()
        if not is_out:
            target.scaled_in_at = now
            return
        target.scaled_out_at = now
        if not cools:
            target.scaled_out_from = before

    def _cools(self, target: Target, policy: Policy) -> bool:
        """Return whether the last scale-out still cools down.

        Meanwhile only a larger scale-out is made: what the last one has added counts as part of what is wanted now.
        Source: Application Auto Scaling user guide, "Define cooldown periods" of target tracking policies.
        """
        cooldown = policy.config.get(_cooldown(policy, "ScaleOutCooldown"), DEFAULT_COOLDOWN_SECONDS)
        return bool(self._account.clock.time() < target.scaled_out_at + cooldown)

    def wanted(self, target: Target, current: int) -> int | None:
        """Return the largest capacity that any policy of `target` calls for, when `current` instances see its metric.

        None for one that may not be known: while the metric of any policy says nothing, nothing is taken away.
        Source: Application Auto Scaling user guide, "Multiple target tracking scaling policies".
        """
        low, high = target.description["MinCapacity"], target.description["MaxCapacity"]
        wanted, is_known = low, True
        for policy in list(target.policies.values()):
            if policy.metric is None:
                continue
            value = self._latest(policy.metric)
            if value is None:
                is_known = False
                continue
            wanted = max(wanted, wanted_capacity(current, value, policy.config["TargetValue"], low, high))
        return wanted if is_known or wanted > current else None

    def _may(self, target: Target, policy: Policy, *, is_out: bool) -> bool:
        """Return whether no suspension and no scale-in cooldown forbids the change; scaling out heeds none of these."""
        now, suspended = self._account.clock.time(), target.description["SuspendedState"]
        if is_out:
            return not suspended["DynamicScalingOutSuspended"]
        cooldown = policy.config.get(_cooldown(policy, "ScaleInCooldown"), DEFAULT_COOLDOWN_SECONDS)
        allowed = not suspended["DynamicScalingInSuspended"] and not policy.config.get("DisableScaleIn", False)
        return allowed and now >= max(target.scaled_in_at, target.scaled_out_at) + cooldown

    def _latest(self, metric: TrackedMetric) -> float | None:
        """Return the statistic of the last complete minute that has samples, of the last three."""
        end = int(self._account.clock.time()) // MINUTE * MINUTE
        key = series_key(metric.namespace, metric.name, metric.dimensions)
        periods = self._account.metrics.periods(key, end - 3 * MINUTE, end, MINUTE)
        return statistic(periods[-1][1], metric.statistic) if periods else None

    def keep_within_bounds(self, target: Target) -> None:
        """Correct a capacity that is outside of the target's bounds."""
        with target.busy:
            _, current = self._activities.capacity(target.description)
            low, high = target.description["MinCapacity"], target.description["MaxCapacity"]
            if current < low:
                self._activities.set_capacity(target.description, low, f"minimum capacity was set to {low}")
            elif current > high:
                self._activities.set_capacity(target.description, high, f"maximum capacity was set to {high}")


def _cooldown(policy: Policy, name: str) -> str:
    """Return the member that has a policy's cooldown; steps have one for both ways."""
    return "Cooldown" if policy.kind == STEPS else name


def _within(target: Target, capacity: int) -> int:
    low, high = int(target.description["MinCapacity"]), int(target.description["MaxCapacity"])
    return min(high, max(low, capacity))


def _last(alarm: Mapping[str, Any]) -> float:
    """Return the newest value that an alarm on metric maths was evaluated on."""
    recent = json.loads(alarm.get("StateReasonData") or "{}").get("recentDatapoints") or [alarm["Threshold"]]
    return float(recent[-1])
