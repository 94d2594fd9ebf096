"""AWS::CloudWatch::Alarm and AWS::CloudWatch::Dashboard."""

import json
from typing import Any, ClassVar

from embedded_account.cloudformation.errors import ResourceError
from embedded_account.cloudformation.resources.kinds import api, boolean, integer, list_of, number, strings, tags, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, tag_changes, tag_list


class Alarm(ResourceType):
    """A metric alarm."""

    name = "AWS::CloudWatch::Alarm"
    properties: ClassVar = {
        "ActionsEnabled": boolean,
        "AlarmActions": strings,
        "AlarmDescription": text,
        "AlarmName": text,
        "ComparisonOperator": text,
        "DatapointsToAlarm": integer,
        "Dimensions": list_of(api("cloudwatch", "Dimension")),
        "EvaluateLowSampleCountPercentile": text,
        "EvaluationPeriods": integer,
        "ExtendedStatistic": text,
        "InsufficientDataActions": strings,
        "MetricName": text,
        "Metrics": list_of(api("cloudwatch", "MetricDataQuery")),
        "Namespace": text,
        "OKActions": strings,
        "Period": integer,
        "Statistic": text,
        "Tags": tags,
        "Threshold": number,
        "ThresholdMetricId": text,
        "TreatMissingData": text,
        "Unit": text,
    }
    required = frozenset({"ComparisonOperator", "EvaluationPeriods"})
    replaced_by = frozenset({"AlarmName"})
    name_property = "AlarmName"
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("AlarmName") or call.new_name(255)
        call.client("cloudwatch").put_metric_alarm(**{**properties, "AlarmName": name})
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("cloudwatch")
        settings = {key: value for key, value in properties.items() if key != "Tags"}
        client.put_metric_alarm(**{**settings, "AlarmName": physical_id})
        arn = call.arn("cloudwatch", f"alarm:{physical_id}")
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            client.tag_resource(ResourceARN=arn, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            client.untag_resource(ResourceARN=arn, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("cloudwatch", f"alarm:{physical_id}")}


class Dashboard(ResourceType):
    """A dashboard, whose body must be JSON."""

    name = "AWS::CloudWatch::Dashboard"
    properties: ClassVar = {"DashboardBody": text, "DashboardName": text}
    required = frozenset({"DashboardBody"})
    replaced_by = frozenset({"DashboardName"})
    name_property = "DashboardName"

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("DashboardName") or call.new_name(255)
        self.update(call, name, properties, {})
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        try:
            json.loads(properties["DashboardBody"])
        except ValueError as error:
            raise ResourceError(f"The dashboard body is not valid JSON: {error}") from error
        body = properties["DashboardBody"]
        call.client("cloudwatch").put_dashboard(DashboardName=physical_id, DashboardBody=body)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("cloudwatch").delete_dashboards(DashboardNames=[physical_id])
