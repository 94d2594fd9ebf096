"""CloudWatch as boto3 sees it: samples, alarms that act, dashboards."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.queues import messages, new_queue


@pytest.fixture
def cloudwatch(account: RunningAccount) -> Any:
    """Give CloudWatch of the shared account."""
    return account.client("cloudwatch")


@pytest.fixture
def namespace() -> str:
    """Give a namespace that no other test uses."""
    return f"Tests/{uuid.uuid4().hex[:8]}"


def test_statistics_and_percentiles_are_right(cloudwatch: Any, namespace: str) -> None:
    """GetMetricStatistics gives simple and extended statistics of what PutMetricData brought.

    Source: CloudWatch API reference, GetMetricStatistics.
    """
    at = _put(cloudwatch, namespace, [{"Values": [1.0, 2.0, 10.0], "Counts": [5.0, 4.0, 1.0], "Unit": "Seconds"}])

    (point,) = cloudwatch.get_metric_statistics(
        **_span(namespace, at),
        Statistics=["Sum", "Average", "SampleCount", "Minimum", "Maximum"],
        ExtendedStatistics=["p50", "p90", "p99"],
    )["Datapoints"]

    assert (point["Sum"], point["Average"], point["SampleCount"]) == (23.0, 2.3, 10.0)
    assert (point["Minimum"], point["Maximum"], point["Unit"]) == (1.0, 10.0, "Seconds")
    assert point["ExtendedStatistics"] == {"p50": 1.0, "p90": 2.0, "p99": 10.0}


def test_metric_data_query_gives_percentiles_in_order(cloudwatch: Any, namespace: str) -> None:
    """GetMetricData answers newest first, or as asked.

    Source: CloudWatch API reference, GetMetricData.
    """
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for minutes, value in ((3, 1.0), (2, 2.0), (1, 3.0)):
        _put(cloudwatch, namespace, [{"Value": value, "Timestamp": now - timedelta(minutes=minutes)}])
    metric = {"Namespace": namespace, "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}]}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p99"}}
    span = {"StartTime": now - timedelta(minutes=10), "EndTime": now}

    newest_first = cloudwatch.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"][0]
    oldest_first = cloudwatch.get_metric_data(MetricDataQueries=[query], ScanBy="TimestampAscending", **span)

    assert newest_first["Values"] == [3.0, 2.0, 1.0]
    assert oldest_first["MetricDataResults"][0]["Values"] == [1.0, 2.0, 3.0]


def test_metric_maths_combines_the_series_of_a_request(cloudwatch: Any, namespace: str) -> None:
    """An error rate in percent out of two metrics, by moment; the metrics themselves need not be returned.

    Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics".
    """
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    for name, value in (("Errors", 3.0), ("Calls", 12.0)):
        cloudwatch.put_metric_data(
            Namespace=namespace, MetricData=[{"MetricName": name, "Timestamp": at, "Value": value}]
        )
    queries: list[dict[str, Any]] = [
        {
            "Id": name.lower(),
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": namespace, "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for name in ("Errors", "Calls")
    ]
    queries.append({"Id": "rate", "Expression": "100 * errors / calls", "Label": "error rate"})

    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=at - timedelta(minutes=5), EndTime=at + timedelta(minutes=5)
    )

    (result,) = answer["MetricDataResults"]
    assert (result["Id"], result["Label"], result["Values"]) == ("rate", "error rate", [25.0])


def test_summary_counts_as_its_samples(cloudwatch: Any, namespace: str) -> None:
    """StatisticValues bring count, sum and extremes of many samples at once.

    Source: CloudWatch API reference, PutMetricData.
    """
    summary = {"SampleCount": 4.0, "Sum": 20.0, "Minimum": 1.0, "Maximum": 9.0}
    at = _put(cloudwatch, namespace, [{"StatisticValues": summary}])

    (point,) = cloudwatch.get_metric_statistics(**_span(namespace, at), Statistics=["Average", "Maximum"])["Datapoints"]

    assert (point["Average"], point["Maximum"]) == (5.0, 9.0)


def test_metrics_are_listed_by_namespace_and_dimension(cloudwatch: Any, namespace: str) -> None:
    """ListMetrics finds what has samples.

    Source: CloudWatch API reference, ListMetrics.
    """
    _put(cloudwatch, namespace, [{"Value": 1.0}])

    metrics = cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "d"}])["Metrics"]

    assert metrics == [{"Namespace": namespace, "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}]}]
    assert cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "x"}])["Metrics"] == []


@pytest.mark.parametrize("value", ["v", "w"])
def test_metric_is_listed_by_either_of_two_dimensions_of_a_name(cloudwatch: Any, namespace: str, value: str) -> None:
    """It has the one and the other. Source: CloudWatch API reference, ListMetrics: Dimensions."""
    dimensions = [{"Name": "d", "Value": each} for each in ("v", "w")]
    cloudwatch.put_metric_data(
        Namespace=namespace, MetricData=[{"MetricName": "m", "Dimensions": dimensions, "Value": 1.0}]
    )

    metrics = cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "d", "Value": value}])["Metrics"]

    assert metrics == [{"Namespace": namespace, "MetricName": "m", "Dimensions": dimensions}]


def test_statistics_without_a_statistic_are_refused(cloudwatch: Any, namespace: str) -> None:
    """AWS says which parameters miss.

    Source: CloudWatch API reference, GetMetricStatistics.
    """
    with pytest.raises(ClientError, match="Must specify either Statistics or ExtendedStatistics"):
        cloudwatch.get_metric_statistics(**_span(namespace, datetime.now(UTC)))


def test_alarm_state_set_by_hand_publishes_to_its_topic(account: RunningAccount, cloudwatch: Any) -> None:
    """SNS hears the change in CloudWatch's own message, and the history keeps it.

    Source: CloudWatch API reference, SetAlarmState.
    """
    topic, queue, name = account.client("sns"), new_queue(account), f"alarm-{uuid.uuid4().hex[:8]}"
    topic_arn = topic.create_topic(Name=name)["TopicArn"]
    topic.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue.arn)
    cloudwatch.put_metric_alarm(**_alarm(name), AlarmActions=[topic_arn])

    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")

    (body,) = messages(account, queue, at_least=1)
    message = json.loads(json.loads(body)["Message"])
    assert (message["AlarmName"], message["NewStateValue"], message["NewStateReason"]) == (name, "ALARM", "by hand")
    assert message["OldStateValue"] == "INSUFFICIENT_DATA"
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "by hand")
    (item,) = cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    assert item["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_alarm_goes_off_by_itself(account_at_speed: Callable[[float], RunningAccount]) -> None:
    """A metric over the threshold raises the alarm within its periods, on the account's clock.

    Source: CloudWatch user guide, "Using Amazon CloudWatch alarms".
    """
    running, name = account_at_speed(120), f"alarm-{uuid.uuid4().hex[:8]}"
    cloudwatch, queue = running.client("cloudwatch"), new_queue(running)
    sns = running.client("sns")
    topic_arn = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue.arn)
    cloudwatch.put_metric_alarm(**_alarm(name, Namespace=name), AlarmActions=[topic_arn])

    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 9.0}])

    (body,) = messages(running, queue, at_least=1, seconds=10)
    assert (
        "1 out of the last 1 datapoints [9] was greater than"
        in json.loads(json.loads(body)["Message"])["NewStateReason"]
    )
    cloudwatch.delete_alarms(AlarmNames=[name])


def _maths(name: str, **members: Any) -> dict[str, Any]:
    """Return an alarm on an error rate in percent."""
    queries: list[dict[str, Any]] = [
        {"Id": query_id, "ReturnData": False, "MetricStat": {"Metric": {"Namespace": name, "MetricName": metric}}}
        for query_id, metric in (("errors", "Errors"), ("calls", "Calls"))
    ]
    for query in queries:
        query["MetricStat"] |= {"Period": 60, "Stat": "Sum"}
    rate = {"Id": "rate", "Expression": "100 * errors / calls", "Label": "Error rate", "ReturnData": True}
    return {
        "AlarmName": name,
        "Metrics": [rate, *queries],
        "EvaluationPeriods": 1,
        "Threshold": 20,
        "ComparisonOperator": "GreaterThanThreshold",
    } | members


def test_alarm_on_metric_maths_goes_off_by_itself(account_at_speed: Callable[[float], RunningAccount]) -> None:
    """An alarm watches the one query with ReturnData true; its message has the queries in place of a metric.

    Source: CloudWatch API reference, PutMetricAlarm, Metrics.
    """
    running, name = account_at_speed(120), f"maths-{uuid.uuid4().hex[:8]}"
    cloudwatch, sns, queue = running.client("cloudwatch"), running.client("sns"), new_queue(running)
    topic_arn = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue.arn)
    # A period lasts half a second here: without data in the next ones the alarm stays what it was.
    cloudwatch.put_metric_alarm(**_maths(name, TreatMissingData="ignore"), AlarmActions=[topic_arn])

    values = [{"MetricName": "Errors", "Value": 1.0}, {"MetricName": "Calls", "Value": 4.0}]
    cloudwatch.put_metric_data(Namespace=name, MetricData=values)

    (body,) = messages(running, queue, at_least=1, seconds=30)
    message = json.loads(json.loads(body)["Message"])
    assert "[25] was greater than the threshold (20)" in message["NewStateReason"]
    assert [query["Id"] for query in message["Trigger"]["Metrics"]] == ["rate", "errors", "calls"]
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Metrics"][0]["Expression"]) == ("ALARM", "100 * errors / calls")
    assert "MetricName" not in alarm
    assert cloudwatch.describe_alarms_for_metric(Namespace=name, MetricName="Errors")["MetricAlarms"] == []
    cloudwatch.delete_alarms(AlarmNames=[name])


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"MetricName": "m"}, "MetricName must not be given with Metrics"),
        ({"Metrics": [{"Id": "e", "Expression": "a / b"}]}, "share one Period"),
        ({"ThresholdMetricId": "rate"}, "it names no query with ANOMALY_DETECTION_BAND"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "with this threshold it is one of GreaterThan"),
        ({"Metrics": []}, "0 Metrics"),
    ],
)
def test_alarm_that_could_never_be_evaluated_is_refused(cloudwatch: Any, members: dict[str, Any], message: str) -> None:
    """Metric and Metrics exclude each other, and a band needs a query and a comparison of its own.

    Source: CloudWatch API reference, PutMetricAlarm.
    """
    with pytest.raises(ClientError, match=message):
        cloudwatch.put_metric_alarm(**_maths("refused", **members))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ReturnData": False}, "exactly one element of Metrics must have ReturnData true"),
        ({"Expression": "errors / gone"}, "there is no query with the id 'gone'"),
        ({"Expression": "AVG(errors)"}, "it gives no single series"),
        ({"Expression": "RATE(errors)"}, "not carried out here"),
    ],
)
def test_expression_that_an_alarm_cannot_watch_is_refused(
    cloudwatch: Any, change: dict[str, Any], message: str
) -> None:
    """What an alarm watches must be one time series, of one query.

    Source: CloudWatch user guide, "Create a CloudWatch alarm based on a metric math expression".
    """
    alarm = _maths("refused")
    alarm["Metrics"][0] |= change

    with pytest.raises(ClientError, match=message):
        cloudwatch.put_metric_alarm(**alarm)


def test_deleting_an_unknown_alarm_deletes_none(cloudwatch: Any) -> None:
    """DeleteAlarms is all or nothing.

    Source: CloudWatch API reference, DeleteAlarms.
    """
    name = f"alarm-{uuid.uuid4().hex[:8]}"
    cloudwatch.put_metric_alarm(**_alarm(name))

    with pytest.raises(ClientError, match="nope"):
        cloudwatch.delete_alarms(AlarmNames=[name, "nope"])

    assert len(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]) == 1
    cloudwatch.delete_alarms(AlarmNames=[name])
    cloudwatch.delete_alarms(AlarmNames=[name])  # one that is unknown alone is no error


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        ("delete_dashboards", {"DashboardNames": []}, r"\(InvalidParameterValue\)"),
        (
            "put_metric_alarm",
            {"EvaluateLowSampleCountPercentile": "no"},
            "Option no is not supported. Supported options",
        ),
        (
            "put_metric_alarm",
            {"ExtendedStatistic": "90"},
            "The value 90 for parameter ExtendedStatistic is not supported",
        ),
        (
            "get_metric_data",
            {"MetricDataQueries": [{"Id": "a"}], "StartTime": 0, "EndTime": 60},
            "The parameter MetricDataQueries.member.1.MetricStat is required",
        ),
    ],
)
def test_request_with_a_value_that_is_none_is_refused(
    cloudwatch: Any, method: str, given: dict[str, Any], words: str
) -> None:
    """The refusal names the parameter as CloudWatch names it.

    Source: CloudWatch API reference, DeleteDashboards, PutMetricAlarm and GetMetricData.
    """
    if method == "put_metric_alarm":
        given = (
            {key: value for key, value in _alarm("refused").items() if key != "Statistic"}
            | {"ExtendedStatistic": "p90"}
            | given
        )
    with pytest.raises(ClientError, match=words):
        getattr(cloudwatch, method)(**given)


def test_alarm_keeps_tags_and_its_actions_can_be_switched_off(cloudwatch: Any) -> None:
    """Tags come and go, and so does ActionsEnabled; an alarm put again keeps its state.

    Source: CloudWatch API reference, PutMetricAlarm.
    """
    name = f"alarm-{uuid.uuid4().hex[:8]}"
    cloudwatch.put_metric_alarm(**_alarm(name), Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="by hand")
    arn = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]

    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name], StateValue="OK")["MetricAlarms"]

    assert tags == [{"Key": "b", "Value": "2"}]
    assert alarm["ActionsEnabled"] is False
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_dashboard_is_kept_listed_and_deleted(cloudwatch: Any) -> None:
    """A dashboard comes back as it was put; a body without widgets is refused.

    Source: CloudWatch API reference, PutDashboard.
    """
    name, body = f"board-{uuid.uuid4().hex[:8]}", json.dumps({"widgets": []})

    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)

    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == body
    entries = cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert [entry["DashboardName"] for entry in entries] == [name]
    cloudwatch.delete_dashboards(DashboardNames=[name])
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName=name)
    with pytest.raises(ClientError, match="widgets"):
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody="{}")


def _put(cloudwatch: Any, namespace: str, data: list[dict[str, Any]]) -> datetime:
    at = datetime.now(UTC)
    common = {"MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}], "Timestamp": at}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[common | datum for datum in data])
    return at


def _span(namespace: str, at: datetime) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": "m",
        "Dimensions": [{"Name": "d", "Value": "v"}],
        "StartTime": at - timedelta(minutes=5),
        "EndTime": at + timedelta(minutes=5),
        "Period": 60,
    }


def _alarm(name: str, **members: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "Tests",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    } | members
