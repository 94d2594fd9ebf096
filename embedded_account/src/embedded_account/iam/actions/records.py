"""Logs, CloudWatch, Systems Manager parameters, Service Quotas and the tagging API.

Source: Service Authorization Reference, pages of these services.
"""

from embedded_account.iam.actions.rules import ANY, Call, Rule, each, on


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
    "PutParameter": _PARAMETERS.tagging("ssm:AddTagsToResource").where(ssm__Overwrite="Overwrite"),
    **each("LabelParameterVersion UnlabelParameterVersion", _PARAMETERS),
    "CreateDocument": on("document/{Name}").tagging("ssm:AddTagsToResource"),
    **each(
        """GetDocument DescribeDocument UpdateDocument UpdateDocumentDefaultVersion DeleteDocument
        DescribeDocumentPermission ModifyDocumentPermission""",
        on("document/{Name}"),
    ),
    "ListDocuments": ANY,
    "GetParametersByPath": _PARAMETERS.where(ssm__Recursive="Recursive"),
    **each(
        "GetParameter GetParameters GetParameterHistory DeleteParameter DeleteParameters",
        _PARAMETERS,
    ),
    "DescribeParameters": ANY,
    **each(
        "AddTagsToResource RemoveTagsFromResource ListTagsForResource",
        on(lambda call: [call.arn(f"parameter/{str(call.get('ResourceId') or '').lstrip('/')}")]),
    ),
}
TAGGING: dict[str, Rule] = each("GetResources GetTagKeys GetTagValues TagResources UntagResources", ANY)

QUOTAS: dict[str, Rule] = {
    **each("ListServiceQuotas ListAWSDefaultServiceQuotas GetServiceQuota ListRequestedServiceQuotaChangeHistory", ANY),
    "RequestServiceQuotaIncrease": on("{ServiceCode}/{QuotaCode}"),
}
