"""The series that metric data queries stand for: those of metrics, and those of expressions over them."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedded_account.cloudwatch.maths import evaluate, references
from embedded_account.cloudwatch.statistics import check, statistic
from embedded_account.errors import ServiceError
from embedded_account.metrics import MINUTE, Bucket, MetricStore, SeriesKey, series_key


def series_of(
    queries: Sequence[Mapping[str, Any]], store: MetricStore, start: float, end: float
) -> dict[str, dict[int, float]]:
    """Return the series of every query, as GetMetricData and PutMetricAlarm take them, by its id.

    Raises:
        ServiceError: a query is malformed, or uses what is not carried out here.
    """
    metrics = {
        query["Id"]: _metric(query["MetricStat"], store, start, end) for query in queries if "MetricStat" in query
    }
    for number, query in enumerate(queries, 1):
        if "MetricStat" not in query and "Expression" not in query:
            missing = f"The parameter MetricDataQueries.member.{number}.MetricStat is required.\n"
            raise ServiceError("ValidationError", missing)
    series = dict(metrics)
    waiting = [query for query in queries if "MetricStat" not in query]
    while waiting:
        ready = [query for query in waiting if references(query.get("Expression", "")) <= series.keys()]
        for query in ready or waiting[:1]:  # one that can never be is refused by what it lacks
            known = metrics if "METRICS" in query.get("Expression", "").upper() else series
            series[query["Id"]] = evaluate(query.get("Expression", ""), known)
        waiting = [query for query in waiting if query["Id"] not in series]
    return series


def periods_of(
    key: SeriesKey, store: MetricStore, start: float, end: float, period: int, unit: str | None
) -> list[tuple[int, Bucket]]:
    """Return the samples of each period; none when they are of another unit than the one asked for."""
    return store.periods(key, start, end, period) if unit in {None, store.unit(key)} else []


def checked_period(period: int) -> int:
    """Return the period in seconds: samples are kept by minute, as standard-resolution metrics are.

    Raises:
        ServiceError: it is none that CloudWatch takes.
    """
    if period <= 0 or (period not in {1, 5, 10, 20, 30} and period % MINUTE):
        raise ServiceError(
            "InvalidParameterValue", f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60: {period}."
        )
    return max(period, MINUTE)


def _metric(stat: Mapping[str, Any], store: MetricStore, start: float, end: float) -> dict[int, float]:
    check(stat["Stat"])
    metric = stat["Metric"]
    key = series_key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", []))
    periods = periods_of(key, store, start, end, checked_period(stat["Period"]), stat.get("Unit"))
    return {at: statistic(bucket, stat["Stat"]) for at, bucket in periods}
