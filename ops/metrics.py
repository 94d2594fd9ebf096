"""CloudWatch's metrics over a time: as they were counted, their sums and their levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.session import Session

MINUTE, HOUR, DAY = 60, 3600, 86_400
# Source: CloudWatch user guide, "Metrics retention": minutes are kept for 15 days, five minutes for 63.
MINUTE_DAYS, FIVE_MINUTE_DAYS = 15, 63
_LEVEL_DAYS = 3  # a level is said once a day, some hours later
_MOST_QUERIES = 500  # of one GetMetricData


@dataclass(frozen=True)
class Metric:
    """One statistic of CloudWatch."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Sum"
    period: int = HOUR

    def query(self, number: int) -> dict[str, Any]:
        """Return it as GetMetricData takes it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": self.period, "Stat": self.statistic}}


def finest(start: datetime, end: datetime) -> int:
    """Return the shortest period in seconds of which CloudWatch still has all from `start` to `end`."""
    days = (end - start) / timedelta(days=1)
    return MINUTE if days <= MINUTE_DAYS else 5 * MINUTE if days <= FIVE_MINUTE_DAYS else HOUR


def sums(session: Session, metrics: Sequence[Metric], start: datetime, end: datetime) -> list[float | None]:
    """Return the sum of each metric's values; None where CloudWatch has nothing of it."""
    counted = series(session, metrics, start, end)
    return [sum(value for _, value in values) if values else None for values in counted]


def level(session: Session, metric: Metric, end: datetime) -> float | None:
    """Return the last value of a metric that is said once a day, or None."""
    (values,) = series(session, [metric], end - timedelta(days=_LEVEL_DAYS), end)
    return values[-1][1] if values else None


def series(
    session: Session, metrics: Sequence[Metric], start: datetime, end: datetime
) -> list[list[tuple[datetime, float]]]:
    """Return each metric's values with the moments at which their periods begin, the oldest first."""
    values: list[list[tuple[datetime, float]]] = [[] for _ in metrics]
    queries = [metric.query(number) for number, metric in enumerate(metrics)]
    paginator = session.client("cloudwatch").get_paginator("get_metric_data")
    for first in range(0, len(queries), _MOST_QUERIES):
        pages = paginator.paginate(
            MetricDataQueries=queries[first : first + _MOST_QUERIES],
            StartTime=start,
            EndTime=end,
            ScanBy="TimestampAscending",
        )
        for answer in (answer for page in pages for answer in page["MetricDataResults"]):
            counted = zip(answer["Timestamps"], answer["Values"], strict=True)
            values[int(answer["Id"].removeprefix("m"))].extend(counted)
    return values
