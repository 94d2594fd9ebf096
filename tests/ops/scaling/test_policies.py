"""When each way to scale changes the capacity.

Source: Application Auto Scaling user guide, "How target tracking scaling works" and "Define cooldown periods".
"""

import pytest

from ops.scaling.policies import Policy, Rule, Schedule, Steps, TargetTracking

TARGET = 10.0


def tracked(out_cooldown: float = 300, in_cooldown: float = 300) -> Rule:
    """Return target tracking between 1 and 8 instances."""
    return Policy("p", 1, 8, TargetTracking(TARGET, out_cooldown, in_cooldown)).rule()


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [([25, 25], None), ([25, 25, 25], 3), ([25, 10, 25], None), ([12, 12, 55], 6), ([10, 10, 10], None), ([99] * 3, 8)],
)
def test_three_minutes_above_the_target_scale_out(minutes: list[float], wanted: int | None) -> None:
    """To what holds the last minute at the target, within the bounds."""
    assert tracked().wanted(600, 0, minutes, 1) == wanted


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [([1.0] * 14, None), ([1.0] * 15, 1), ([9.0, *[1.0] * 14], None), ([5.0] * 15, 2), ([8.9] * 15, None)],
)
def test_fifteen_minutes_below_nine_tenths_scale_in(minutes: list[float], wanted: int | None) -> None:
    """To what holds the last minute at the target; a minute at 90 % of it forbids."""
    assert tracked().wanted(6000, 0, minutes, 4) == wanted


def test_what_cools_down_counts_as_a_part() -> None:
    """The same steps as the embedded account's (embedded_account/tests/autoscaling/test_cooldowns.py)."""
    rule, capacity, seen = tracked(), 1, []
    for now, load in ((0, 25.0), (60, 25.0), (120, 55.0), (421, 13.0)):
        wanted = rule.wanted(now, 0, [load] * 3, capacity)
        if wanted is not None:
            capacity = wanted
            rule.changed(now)
        seen.append(capacity)

    assert seen == [3, 3, 6, 8]


def test_scaling_in_waits_for_its_cooldown() -> None:
    """Counted from the last change, in or out."""
    rule = tracked(in_cooldown=300)
    assert rule.wanted(0, 0, [25.0] * 3, 1) == 3
    rule.changed(0)

    assert rule.wanted(299, 0, [1.0] * 15, 3) is None
    assert rule.wanted(300, 0, [1.0] * 15, 3) == 1


def test_steps_go_by_the_size_of_the_breach() -> None:
    """One more, two, four; one less after fifteen quiet minutes; none while it cools down."""
    rule = Policy("p", 1, 8, Steps(TARGET, 60)).rule()

    assert [rule.wanted(0, 0, [load], 2) for load in (9.0, 11.0, 16.0, 31.0)] == [None, 3, 4, 6]
    assert rule.wanted(0, 0, [4.0] * 15, 2) == 1
    rule.changed(0)
    assert rule.wanted(59, 0, [31.0], 2) is None


def test_a_schedule_goes_by_the_hour() -> None:
    """Whatever the load."""
    rule = Policy("p", 1, 8, Schedule((*[1] * 8, *[5] * 16))).rule()

    assert (rule.wanted(0, 7, [99.0], 1), rule.wanted(0, 8, [], 1), rule.wanted(0, 9, [], 5)) == (None, 5, None)


def test_without_scaling_nothing_changes() -> None:
    """Three instances stay three."""
    assert Policy("p", 3, 3).rule().wanted(0, 0, [999.0] * 30, 3) is None
