"""What CloudWatch has counted of a variant's requests, minute by minute."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from handlers import aws


def by_minute(
    endpoint_name: str, variant: str, wanted: Mapping[str, tuple[str, str]], since: datetime, until: datetime
) -> Iterator[Mapping[str, Any]]:
    """Yield the answers of GetMetricData; `wanted` are metric and statistic by the Id that the answers bear."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint_name}, {"Name": "VariantName", "Value": variant}]
    queries: list[Any] = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions},
                "Period": 60,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in wanted.items()
    ]
    paginator = aws.cloudwatch().get_paginator("get_metric_data")
    for page in paginator.paginate(MetricDataQueries=queries, StartTime=since, EndTime=until):
        yield from page["MetricDataResults"]
