"""CloudWatch: samples with right statistics, alarms that are evaluated and act, dashboards."""

from typing import Any

from embedded_account.account import Account
from embedded_account.cloudwatch import alarms
from embedded_account.cloudwatch.dashboards import Dashboards
from embedded_account.cloudwatch.queries import Queries
from embedded_account.wiring.serving import serve


def install(account: Account) -> None:
    """Serve CloudWatch from the account's own samples."""
    queries, known_alarms, dashboards = Queries(account), alarms.install(account), Dashboards(account)

    def tag(params: dict[str, Any]) -> dict[str, Any]:
        untag({"ResourceARN": params["ResourceARN"], "TagKeys": [entry["Key"] for entry in params["Tags"]]})
        known_alarms.tags(params["ResourceARN"]).extend(params["Tags"])
        return {}

    def untag(params: dict[str, Any]) -> dict[str, Any]:
        tags = known_alarms.tags(params["ResourceARN"])
        tags[:] = [entry for entry in tags if entry["Key"] not in params["TagKeys"]]
        return {}

    account.persist("metrics", account.metrics.dump, account.metrics.restore)
    serve(
        account,
        "cloudwatch",
        {
            "PutMetricData": queries.put_metric_data,
            "GetMetricStatistics": queries.get_metric_statistics,
            "GetMetricData": queries.get_metric_data,
            "ListMetrics": queries.list_metrics,
            "PutMetricAlarm": known_alarms.put,
            "DescribeAlarms": known_alarms.describe,
            "DescribeAlarmsForMetric": known_alarms.describe_for_metric,
            "DescribeAlarmHistory": known_alarms.describe_history,
            "DeleteAlarms": known_alarms.delete,
            "SetAlarmState": known_alarms.set_state,
            "EnableAlarmActions": lambda params: known_alarms.set_actions_enabled(params, enabled=True),
            "DisableAlarmActions": lambda params: known_alarms.set_actions_enabled(params, enabled=False),
            "TagResource": tag,
            "UntagResource": untag,
            "ListTagsForResource": lambda params: {"Tags": known_alarms.tags(params["ResourceARN"])},
            "PutDashboard": dashboards.put,
            "GetDashboard": dashboards.get,
            "ListDashboards": dashboards.summaries,
            "DeleteDashboards": dashboards.delete,
        },
    )
