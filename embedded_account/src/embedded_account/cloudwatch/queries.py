"""Samples in, statistics out: PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from math import ceil
from typing import Any

from embedded_account.account import Account
from embedded_account.cloudwatch.requests import check_data, check_data_times, check_statistics_times
from embedded_account.cloudwatch.series import checked_period, periods_of, series_of
from embedded_account.cloudwatch.statistics import check, statistic
from embedded_account.errors import ServiceError
from embedded_account.metrics import series_key
from embedded_account.wiring.refusals import refuse

_MAX_DATAPOINTS = 1_440
_LIST_PAGE = 500


class Queries:
    """Answers for the samples of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def put_metric_data(self, params: dict[str, Any]) -> dict[str, Any]:
        """Keep samples, each at its time or now."""
        refuse("PutMetricData", params, {"Namespace", "MetricData", "StrictEntityValidation"})
        check_data(params["MetricData"])
        for datum in params.get("MetricData", []):
            self._put(params["Namespace"], datum)
        return {}

    def get_metric_statistics(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return one metric's statistics by period."""
        names, extended = params.get("Statistics", []), params.get("ExtendedStatistics", [])
        if not names and not extended:
            raise _combination("Must specify either Statistics or ExtendedStatistics")
        for name in [*names, *extended]:
            check(name)
        start, end, period = seconds(params["StartTime"]), seconds(params["EndTime"]), checked_period(params["Period"])
        check_statistics_times(start, end)
        if ceil((end - start) / period) > _MAX_DATAPOINTS:
            raise _combination(
                f"You have requested up to {ceil((end - start) / period):,} datapoints, which exceeds the limit of "
                f"{_MAX_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the "
                "time range."
            )
        key = series_key(params["Namespace"], params["MetricName"], params.get("Dimensions", []))
        store = self._account.metrics
        unit = store.unit(key)
        points = []
        for at, bucket in periods_of(key, store, start, end, period, params.get("Unit")):
            point = {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": unit}
            point |= {name: statistic(bucket, name) for name in names}
            if extended:
                point["ExtendedStatistics"] = {name: statistic(bucket, name) for name in extended}
            points.append(point)
        return {"Label": params["MetricName"], "Datapoints": points}

    def get_metric_data(self, params: dict[str, Any]) -> dict[str, Any]:
        """GetMetricData, with metric maths over the request's own queries."""
        start, end = seconds(params["StartTime"]), seconds(params["EndTime"])
        check_data_times(start, end)
        newest_first = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        queries = params["MetricDataQueries"]
        series = series_of(queries, self._account.metrics, start, end)
        results = [
            _result(query, series[query["Id"]], newest_first=newest_first)
            for query in queries
            if query.get("ReturnData", True)
        ]
        return {"MetricDataResults": results, "Messages": []}

    def list_metrics(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the metrics that have samples, a page at a time."""
        metrics = [
            {
                "Namespace": key.namespace,
                "MetricName": key.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in key.dimensions],
            }
            for key in self._account.metrics.names()
            if key.namespace == params.get("Namespace", key.namespace)
            and key.name == params.get("MetricName", key.name)
            and _has(key.dimensions, params.get("Dimensions", []))
        ]
        token = params.get("NextToken") or "0"
        if not token.isdigit():
            raise ServiceError("InvalidParameterValue", "Request parameter NextToken is invalid")
        start = int(token)
        end = start + _LIST_PAGE
        return {"Metrics": metrics[start:end]} | ({"NextToken": str(end)} if end < len(metrics) else {})

    def _put(self, namespace: str, datum: dict[str, Any]) -> None:
        key = series_key(namespace, datum["MetricName"], datum.get("Dimensions", []))
        unit = datum.get("Unit", "None")
        at = seconds(datum["Timestamp"]) if "Timestamp" in datum else self._account.clock.time()
        store = self._account.metrics
        if "StatisticValues" in datum:
            summary = datum["StatisticValues"]
            store.put_summary(
                key, unit, at, summary["SampleCount"], summary["Sum"], summary["Minimum"], summary["Maximum"]
            )
            return
        values = datum.get("Values", [datum["Value"]] if "Value" in datum else [])
        counts = datum.get("Counts", [1.0] * len(values))
        for value, count in zip(values, counts, strict=True):
            try:
                store.put(key, unit, at, float(value), float(count))
            except ValueError as error:
                raise ServiceError("InvalidParameterValue", str(error)) from error


def _result(query: dict[str, Any], series: dict[int, float], *, newest_first: bool) -> dict[str, Any]:
    points = sorted(series.items(), reverse=newest_first)
    name = query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
    return {
        "Id": query["Id"],
        "Label": query.get("Label", name),
        "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }


def seconds(moment: datetime | str | float) -> float:
    """Return `moment` in seconds since the epoch; one without a zone is in UTC."""
    if isinstance(moment, int | float):
        return float(moment)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _has(dimensions: Collection[tuple[str, str]], filters: Iterable[dict[str, str]]) -> bool:
    return all(
        any(name == each["Name"] and value == each.get("Value", value) for name, value in dimensions)
        for each in filters
    )


def _combination(message: str) -> ServiceError:
    return ServiceError("InvalidParameterCombination", message)
