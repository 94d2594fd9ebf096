"""Whether nobody asks: what CloudWatch has counted of an endpoint's requests, by its own clock."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers.contract.names import VARIANT_NAME
from handlers.contract.settings import Settings
from handlers.endpoints import kinds
from handlers.endpoints.metrics import by_minute

_MINUTE = timedelta(minutes=1)
_LOOK_BACK = timedelta(hours=1)  # beyond StopWhenIdleMinutes, to say since when


def idle_since(endpoint: Mapping[str, Any] | None, at: datetime, settings: Settings) -> str:
    """Return since when an endpoint on instances has had no request, "" if that is not StopWhenIdleMinutes ago.

    What was changed or scaled a moment ago is not idle, and serverless containers cost nothing while they are.
    """
    if not settings.stop_when_idle_minutes or endpoint is None or endpoint["EndpointStatus"] != "InService":
        return ""
    if kinds.is_serverless(endpoint):
        return ""
    until = at - timedelta(minutes=settings.stop_when_idle_minutes)
    changed: datetime = endpoint["LastModifiedTime"]
    if changed > until:
        return ""
    asked = _last_request(settings, max(changed, until - _LOOK_BACK), at)
    since = max(changed, until - _LOOK_BACK) if asked is None else asked + _MINUTE
    return since.isoformat(timespec="seconds") if since <= until else ""


def _last_request(settings: Settings, since: datetime, at: datetime) -> datetime | None:
    """Return the beginning of the last minute with a request, or None without any."""
    wanted = {"requests": ("Invocations", "Sum")}
    return last(by_minute(settings.endpoint_name, VARIANT_NAME, wanted, since, at + _MINUTE))


def last(results: Iterable[Mapping[str, Any]]) -> datetime | None:
    """Return the latest time with a value above 0."""
    counted = (pair for result in results for pair in zip(result["Timestamps"], result["Values"], strict=True))
    return max((time for time, value in counted if value > 0), default=None)
