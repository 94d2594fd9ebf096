"""DynamoDB, Logs, CloudWatch, Systems Manager parameters and the tagging API.

Source: Service Authorization Reference, pages of these services.
"""

from collections.abc import Iterable

from local.iam.actions.rules import ANY, Call, Need, Rule, each, on

_WRITES = {"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}


def _table_arn(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else call.arn(f"table/{name}")


def _table(call: Call) -> list[str]:
    """Return the table, or the index of it that the request names."""
    arn = _table_arn(call, str(call.get("TableName") or ""))
    return [f"{arn}/index/{call.get('IndexName')}" if call.get("IndexName") else arn]


def _tables(call: Call) -> list[str]:
    return [_table_arn(call, name) for name in call.get("RequestItems") or {}]


def _transaction(call: Call) -> Iterable[Need]:
    """Each item of a transaction needs what it would need alone."""
    for item in call.get("TransactItems") or ():
        for kind, request in item.items():
            action = "GetItem" if kind == "Get" else _WRITES[kind]
            yield Need(f"dynamodb:{action}", _table_arn(call, request["TableName"]))


_TABLE = on(_table)
DYNAMODB: dict[str, Rule] = {
    **each(
        """GetItem PutItem UpdateItem DeleteItem Query Scan DescribeTable UpdateTable DeleteTable DescribeTimeToLive
        UpdateTimeToLive DescribeContinuousBackups UpdateContinuousBackups CreateBackup""",
        _TABLE,
    ),
    "CreateTable": _TABLE.tagging("dynamodb:TagResource"),
    **each("BatchGetItem BatchWriteItem", on(_tables)),
    **each("TransactGetItems TransactWriteItems", Rule((), others=(_transaction,))),
    **each("ListTables DescribeLimits DescribeEndpoints ListBackups", ANY),
    **each("TagResource UntagResource ListTagsOfResource", on("{ResourceArn}")),
}


def _group(call: Call) -> list[str]:
    """Return a log group, written with an empty stream as AWS's own messages do, which "GROUP:*" covers."""
    name = str(call.get("logGroupName") or call.get("logGroupIdentifier") or "")
    if name.startswith("arn:"):
        return [name.removesuffix(":*") + ":log-stream:"]
    return [call.arn(f"log-group:{name}:log-stream:")]


def _groups(call: Call) -> list[str]:
    names = call.get("logGroupNames") or [call.get("logGroupName") or "*"]
    return [call.arn(f"log-group:{name}:log-stream:") for name in names]


def _stream(call: Call) -> list[str]:
    return [_group(call)[0] + str(call.get("logStreamName") or "")]


def _described_groups(call: Call) -> list[str]:
    return [call.arn(f"log-group:{call.get('logGroupNamePrefix') or ''}:log-stream:")]


_GROUP = on(_group)
LOGS: dict[str, Rule] = {
    "CreateLogGroup": _GROUP.tagging("logs:TagResource"),
    **each(
        """DeleteLogGroup DescribeLogStreams FilterLogEvents PutRetentionPolicy DeleteRetentionPolicy PutMetricFilter
        DeleteMetricFilter PutSubscriptionFilter DescribeSubscriptionFilters DeleteSubscriptionFilter TagLogGroup
        UntagLogGroup ListTagsLogGroup AssociateKmsKey""",
        _GROUP,
    ),
    "DescribeMetricFilters": _GROUP,
    **each("CreateLogStream DeleteLogStream PutLogEvents GetLogEvents", on(_stream)),
    "DescribeLogGroups": on(_described_groups),
    "StartQuery": on(_groups),
    **each("GetQueryResults StopQuery DescribeQueries GetLogRecord", ANY),
    **each("PutResourcePolicy DescribeResourcePolicies DeleteResourcePolicy", ANY),
    **each("TagResource UntagResource ListTagsForResource", on("{resourceArn}")),
}


def _alarms(call: Call) -> list[str]:
    names = call.get("AlarmNames") or [call.get("AlarmName") or "*"]
    return [call.arn(f"alarm:{name}") for name in names]


def _every_alarm(call: Call) -> list[str]:
    return [call.arn("alarm:*")]


def _dashboards(call: Call) -> list[str]:
    names = call.get("DashboardNames") or [call.get("DashboardName") or ""]
    return [f"arn:aws:cloudwatch::{call.account_id}:dashboard/{name}" for name in names]


_ALARMS = on(_alarms)
CLOUDWATCH: dict[str, Rule] = {
    "PutMetricData": ANY.where(cloudwatch__namespace="Namespace"),
    "PutMetricAlarm": _ALARMS.tagging("cloudwatch:TagResource").where(cloudwatch__AlarmActions="AlarmActions"),
    **each("DeleteAlarms SetAlarmState EnableAlarmActions DisableAlarmActions DescribeAlarmHistory", _ALARMS),
    "DescribeAlarms": on(_every_alarm),
    **each("GetMetricData GetMetricStatistics ListMetrics DescribeAlarmsForMetric ListDashboards", ANY),
    **each("PutDashboard GetDashboard DeleteDashboards", on(_dashboards)),
    **each("TagResource UntagResource ListTagsForResource", on("{ResourceARN}")),
}


def _parameters(call: Call) -> list[str]:
    names = call.get("Names") or [call.get("Name") or call.get("Path") or ""]
    return [call.arn(f"parameter/{str(name).lstrip('/')}") for name in names]


_PARAMETERS = on(_parameters)
SSM: dict[str, Rule] = {
    "PutParameter": _PARAMETERS.tagging("ssm:AddTagsToResource"),
    **each(
        "GetParameter GetParameters GetParametersByPath GetParameterHistory DeleteParameter DeleteParameters",
        _PARAMETERS,
    ),
    "DescribeParameters": ANY,
    **each(
        "AddTagsToResource RemoveTagsFromResource ListTagsForResource",
        on(lambda call: [call.arn(f"parameter/{str(call.get('ResourceId') or '').lstrip('/')}")]),
    ),
}
TAGGING: dict[str, Rule] = each("GetResources GetTagKeys GetTagValues TagResources UntagResources", ANY)
