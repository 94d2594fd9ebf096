"""Whether nobody asks: what CloudWatch has counted of an endpoint's requests, by its own clock."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers import aws
from handlers.contract.settings import Settings
from handlers.endpoints import kinds
from handlers.executions.outcomes import VARIANT_NAME

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
    names = {"EndpointName": settings.endpoint_name, "VariantName": VARIANT_NAME}
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
    }
    query: Any = {"Id": "requests", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    pages = (
        aws.cloudwatch()
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=[query], StartTime=since, EndTime=at + _MINUTE)
    )
    return last(result for page in pages for result in page["MetricDataResults"])


def last(results: Iterable[Mapping[str, Any]]) -> datetime | None:
    """Return the latest time with a value above 0."""
    counted = (pair for result in results for pair in zip(result["Timestamps"], result["Values"], strict=True))
    return max((time for time, value in counted if value > 0), default=None)
