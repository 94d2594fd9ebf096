"""When a policy's alarm may change the capacity, and when not yet.

Source: Application Auto Scaling user guide, "Target tracking scaling policies", how it works and cooldown periods.
"""

from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.autoscaling.scaling import Scaling
from embedded_account.autoscaling.targets import Policy, Target
from embedded_account.autoscaling.tracking import TrackedMetric
from embedded_account.metrics import series_key

_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class Variant:
    """An endpoint's variant that takes any capacity at once: what SageMaker would do is not the subject here."""

    def __init__(self, capacity: int) -> None:
        self.current = capacity
        self.causes: list[str] = []

    def capacity(self, target: dict[str, Any]) -> tuple[str, int]:
        return "InService", self.current

    def set_capacity(self, target: dict[str, Any], capacity: int, cause: str) -> bool:
        self.current = capacity
        self.causes.append(cause)
        return True


class Scaled:
    """A scalable target with one policy at a target of 10, both cooldowns 300 s."""

    def __init__(self, account: Account, capacity: int, **config: Any) -> None:
        self.account, self.variant = account, Variant(capacity)
        metric = TrackedMetric("Test", "load", {}, "Sum")
        names = {"High": "high", "Low": "low"}
        settings = {"TargetValue": 10.0, "ScaleOutCooldown": 300, "ScaleInCooldown": 300} | config
        self.target = Target(
            {
                "ResourceId": "endpoint/e/variant/v",
                "MinCapacity": 1,
                "MaxCapacity": 8,
                "SuspendedState": dict.fromkeys(_SUSPENSIONS, False),
            },
            {"p": Policy("p", "arn:p", settings, metric, names, None)},
        )
        self.scaling = Scaling(account, self.variant)  # type: ignore[arg-type]
        self.scaling._targets = {"endpoint/e/variant/v": self.target}

    def alarm(self, name: str, load: float) -> int:
        """Let the alarm call with this load on each instance in the last minute; return the capacity afterwards."""
        minute = int(self.account.clock.time()) // 60 * 60 - 60
        self.account.metrics.put(series_key("Test", "load", {}), "None", minute, load)
        self.scaling.on_alarm("arn:p", {"AlarmName": name})
        return self.variant.current

    def later(self, seconds: float) -> None:
        self.account.clock.advance(seconds)


def test_scaling_out_waits_for_its_cooldown_unless_more_is_asked(bare_account: Account) -> None:
    """What the last scale-out added counts as part of what is wanted; a larger scale-out is made at once."""
    scaled = Scaled(bare_account, 1)

    first = scaled.alarm("high", 25.0)
    scaled.later(60)
    same_load = scaled.alarm("high", 25.0)
    scaled.later(60)
    more_load = scaled.alarm("high", 55.0)
    scaled.later(301)
    cooled = scaled.alarm("high", 13.0)

    assert (first, same_load, more_load, cooled) == (3, 3, 6, 8)


def test_scaling_in_waits_for_both_cooldowns(bare_account: Account) -> None:
    """Instances are removed no sooner than ScaleInCooldown after the last change of either kind."""
    scaled = Scaled(bare_account, 2)

    out = scaled.alarm("high", 20.0)
    scaled.later(240)
    too_soon = scaled.alarm("low", 1.0)
    scaled.later(120)
    in_time = scaled.alarm("low", 5.0)
    scaled.later(120)
    again_too_soon = scaled.alarm("low", 1.0)

    assert (out, too_soon, in_time, again_too_soon) == (4, 4, 2, 2)


def test_scaling_out_heeds_no_scale_in_cooldown(bare_account: Account) -> None:
    """Load that comes back right after instances were removed is answered at once."""
    scaled = Scaled(bare_account, 4)

    assert scaled.alarm("low", 5.0) == 2
    scaled.later(60)
    assert scaled.alarm("high", 30.0) == 6


@pytest.mark.parametrize(
    ("config", "suspended", "alarm", "load"),
    [
        ({"DisableScaleIn": True}, {}, "low", 1.0),
        ({}, {"DynamicScalingInSuspended": True}, "low", 1.0),
        ({}, {"DynamicScalingOutSuspended": True}, "high", 50.0),
    ],
)
def test_what_is_switched_off_is_not_scaled(
    bare_account: Account, config: dict[str, Any], suspended: dict[str, bool], alarm: str, load: float
) -> None:
    """DisableScaleIn and the suspended state of the target each keep the capacity as it is.

    Source: Application Auto Scaling user guide, "Suspend and resume scaling".
    """
    scaled = Scaled(bare_account, 4, **config)
    scaled.target.description["SuspendedState"] |= suspended

    assert scaled.alarm(alarm, load) == 4


def test_capacity_stays_in_its_bounds_and_says_why_it_changed(bare_account: Account) -> None:
    """No more than MaxCapacity, no less than MinCapacity; the activity's cause names alarm and policy.

    Source: Application Auto Scaling user guide, "Scaling activities".
    """
    scaled = Scaled(bare_account, 4)

    most = scaled.alarm("high", 900.0)
    scaled.later(301)
    least = scaled.alarm("low", 0.0)

    assert (most, least) == (8, 1)
    assert scaled.variant.causes == [
        "monitor alarm high in state ALARM triggered policy p",
        "monitor alarm low in state ALARM triggered policy p",
    ]


def test_an_alarm_of_the_other_side_changes_nothing(bare_account: Account) -> None:
    """The high alarm never removes instances, nor does the low one add any."""
    scaled = Scaled(bare_account, 4)

    assert scaled.alarm("high", 1.0) == 4
    scaled.later(60)
    assert scaled.alarm("low", 50.0) == 4
