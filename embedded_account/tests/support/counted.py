"""The span of time in which CloudWatch has all that a test has counted."""

from datetime import UTC, datetime, timedelta

DAY = 86_400  # seconds; the period that makes a point, or two around midnight


def whole_span() -> dict[str, datetime]:
    """Return StartTime and EndTime; the account's clock may be ahead, where another test has advanced it."""
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(days=1), "EndTime": now + timedelta(days=365)}
