"""When a schedule expression is due: rate(...), at(...), and AWS's six-field cron(...)."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_RATE = re.compile(r"rate\((\d+) (minutes?|hours?|days?)\)")
_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"), start=1)}
_LONGEST_SEARCH_DAYS = 366 * 8  # 29 February can be eight years away


class ScheduleExpressionError(ValueError):
    """The expression is none that EventBridge accepts."""


@dataclass(frozen=True)
class Schedule:
    """A parsed expression; `next_after` gives the first time strictly after a moment, or None when none is left."""

    next_after: Callable[[datetime], datetime | None]


def parse(expression: str, timezone: str = "UTC", start: datetime | None = None) -> Schedule:
    """Parse `expression`; a rate counts from `start` (default: the epoch).

    Raises:
        ScheduleExpressionError: the expression or the time zone is not valid; the message says what is.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScheduleExpressionError(
            f"time zone {timezone!r}; an IANA name such as 'Europe/Berlin' is needed"
        ) from error
    if match := _RATE.fullmatch(expression):
        return _rate(expression, int(match[1]), match[2], start or datetime.fromtimestamp(0, UTC))
    if match := _AT.fullmatch(expression):
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=zone).astimezone(UTC)
        return Schedule(lambda after: moment if moment > after else None)
    if match := _CRON.fullmatch(expression):
        return _cron(expression, match.groups(), zone)
    raise ScheduleExpressionError(f"schedule {expression!r}; rate(5 minutes), cron(0 8 * * ? *) or at(...) is needed")


def _rate(expression: str, value: int, unit: str, start: datetime) -> Schedule:
    plural = unit.endswith("s")
    if value < 1 or plural != (value > 1):
        raise ScheduleExpressionError(f"schedule {expression!r}; write 1 with 'minute', more with 'minutes'")
    period = timedelta(seconds=value * _SECONDS[unit.removesuffix("s")])

    def next_after(after: datetime) -> datetime:
        return start if after < start else start + (int((after - start) / period) + 1) * period

    return Schedule(next_after)


def _cron(expression: str, fields: tuple[str, ...], zone: ZoneInfo) -> Schedule:
    minutes_text, hours_text, day_text, month_text, weekday_text, year_text = fields
    if (day_text == "?") == (weekday_text == "?"):
        raise ScheduleExpressionError(f"schedule {expression!r}; exactly one of day-of-month and day-of-week is '?'")
    try:
        minutes = sorted(_values(minutes_text, 0, 59))
        hours = sorted(_values(hours_text, 0, 23))
        months = _values(month_text, 1, 12, _MONTHS)
        years = _values(year_text, 1970, 2199)
        matches_day = _day_of_month(day_text) if weekday_text == "?" else _day_of_week(weekday_text)
    except ValueError as error:
        raise ScheduleExpressionError(f"schedule {expression!r}: {error}") from error

    def next_after(after: datetime) -> datetime | None:
        local = after.astimezone(zone)
        for num_days in range(_LONGEST_SEARCH_DAYS):
            day = local.date() + timedelta(days=num_days)
            if day.year not in years or day.month not in months or not matches_day(day):
                continue
            for hour in hours:
                for minute in minutes:
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
                    if moment > after:
                        return moment
        return None

    return Schedule(next_after)


def _values(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """Return the numbers that one field stands for: `*`, `a`, `a-b`, `a/step`, `a-b/step`, and lists of them."""
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            left, dash, right = span.partition("-")
            first = _number(left, names)
            last = _number(right, names) if dash else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(f"{part!r} is not within {low} to {high}")
        stride = _number(step) if step else 1
        if stride < 1:
            raise ValueError(f"{part!r} has a step of 0")
        values.update(range(first, last + 1, stride))
    return values


def _number(text: str, names: dict[str, int] | None = None) -> int:
    if names and text.capitalize() in names:
        return names[text.capitalize()]
    if not text.isdigit():
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _day_of_month(text: str) -> Callable[[date], bool]:
    if text == "L":
        return lambda day: (day + timedelta(days=1)).month != day.month
    if text.endswith("W"):
        wanted = _number(text.removesuffix("W"))
        return lambda day: day == _nearest_weekday(day, wanted)
    days = _values(text, 1, 31)
    return lambda day: day.day in days


def _day_of_week(text: str) -> Callable[[date], bool]:
    if "#" in text:
        name, _, nth = text.partition("#")
        weekday, occurrence = _number(name, _DAYS), _number(nth)
        return lambda day: _aws_weekday(day) == weekday and (day.day - 1) // 7 + 1 == occurrence
    if text.endswith("L") and text != "L":
        weekday = _number(text.removesuffix("L"), _DAYS)
        return lambda day: _aws_weekday(day) == weekday and (day + timedelta(days=7)).month != day.month
    days = {7} if text == "L" else _values(text, 1, 7, _DAYS)
    return lambda day: _aws_weekday(day) in days


def _aws_weekday(day: date) -> int:
    """Return 1 for Sunday to 7 for Saturday, as AWS counts."""
    return day.isoweekday() % 7 + 1


def _nearest_weekday(day: date, wanted: int) -> date:
    """Return the working day nearest to day `wanted` of the month of `day`, without leaving the month."""
    last = calendar.monthrange(day.year, day.month)[1]
    target = day.replace(day=min(wanted, last))
    if target.isoweekday() == 6:
        return target - timedelta(days=1) if target.day > 1 else target + timedelta(days=2)
    if target.isoweekday() == 7:
        return target + timedelta(days=1) if target.day < last else target - timedelta(days=2)
    return target
