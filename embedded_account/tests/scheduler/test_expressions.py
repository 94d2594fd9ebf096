"""Schedule expressions. Source of the cases: EventBridge Scheduler user guide, "Schedule types"."""

from datetime import UTC, datetime, timedelta

import pytest
from embedded_account.scheduler.expressions import ScheduleExpressionError, parse
from hypothesis import given
from hypothesis import strategies as st

_FRIDAY = datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "timezone", "expected"),
    [
        ("cron(0 8 * * ? *)", "UTC", "2026-11-21T08:00:00+00:00"),
        ("cron(0 8 * * ? *)", "Europe/Berlin", "2026-11-21T07:00:00+00:00"),
        ("cron(0/15 * ? * MON-FRI *)", "UTC", "2026-11-20T10:45:00+00:00"),
        ("cron(0 18 ? * MON *)", "UTC", "2026-11-23T18:00:00+00:00"),
        ("cron(0 0 L * ? *)", "UTC", "2026-11-30T00:00:00+00:00"),
        ("cron(0 0 ? * 6L *)", "UTC", "2026-11-27T00:00:00+00:00"),
        ("cron(15 10 ? * 3#2 *)", "UTC", "2026-12-08T10:15:00+00:00"),
        ("cron(0 9 1W * ? *)", "UTC", "2026-12-01T09:00:00+00:00"),
        ("cron(0 9 1W 5 ? *)", "UTC", "2027-05-03T09:00:00+00:00"),
        ("cron(0 0 29 2 ? *)", "UTC", "2028-02-29T00:00:00+00:00"),
        ("at(2026-11-20T12:00:00)", "America/New_York", "2026-11-20T17:00:00+00:00"),
    ],
)
def test_next_after_follows_the_calendar(expression, timezone, expected):
    """The first moment after Friday, 20 November 2026, 10:30:15 UTC.

    Source: EventBridge Scheduler user guide, "Schedule types".
    """
    assert parse(expression, timezone).next_after(_FRIDAY) == datetime.fromisoformat(expected)


def test_at_in_the_past_is_never_due_again():
    """A one-time schedule has no second time.

    Source: EventBridge Scheduler user guide, "Schedule types": one-time schedules.
    """
    assert parse("at(2026-11-20T10:00:00)").next_after(_FRIDAY) is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("rate(1 minutes)", "write 1 with 'minute'"),
        ("rate(5 minute)", "write 1 with 'minute'"),
        ("rate(0 minutes)", "write 1 with 'minute'"),
        ("every day", "is needed"),
        ("cron(0 8 * * *)", "is needed"),
        ("cron(0 8 * * * *)", "exactly one of"),
        ("cron(61 8 * * ? *)", "not within 0 to 59"),
        ("cron(a 8 * * ? *)", "'a' is not a number"),
        ("cron(0/0 8 * * ? *)", "step of 0"),
    ],
)
def test_an_expression_that_would_never_fire_is_refused(expression, message):
    """The error says what the expression should be.

    Source: EventBridge Scheduler user guide, "Schedule types": rate and cron fields.
    """
    with pytest.raises(ScheduleExpressionError, match=message):
        parse(expression)


def test_an_unknown_time_zone_is_refused():
    """The error names the zone."""
    with pytest.raises(ScheduleExpressionError, match="time zone 'Mars/Base'"):
        parse("rate(1 day)", "Mars/Base")


@given(minutes=st.integers(2, 10_000), offset=st.integers(0, 10_000_000))
def test_a_rate_is_due_at_multiples_of_its_period(minutes, offset):
    """The next moment is later, at most a period away, and a whole number of periods from the start.

    Source: EventBridge Scheduler user guide, "Schedule types": rate-based schedules.
    """
    after = _FRIDAY + timedelta(seconds=offset)
    period = timedelta(minutes=minutes)

    due = parse(f"rate({minutes} minutes)", start=_FRIDAY).next_after(after)

    assert due is not None
    assert after < due <= after + period
    assert (due - _FRIDAY) % period == timedelta(0)


@given(
    fields=st.tuples(st.integers(0, 59), st.integers(0, 23), st.integers(1, 28), st.integers(1, 12)),
    offset=st.integers(0, 10_000_000),
)
def test_a_cron_moment_matches_its_own_fields(fields, offset):
    """The moment found has the minute, hour, day and month asked for, and lies ahead.

    Source: EventBridge Scheduler user guide, "Schedule types": cron-based schedules.
    """
    minute, hour, day, month = fields
    after = _FRIDAY + timedelta(seconds=offset)

    due = parse(f"cron({minute} {hour} {day} {month} ? *)").next_after(after)

    assert due is not None
    assert due > after
    assert (due.minute, due.hour, due.day, due.month) == fields
