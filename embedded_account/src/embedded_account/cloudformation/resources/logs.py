"""AWS::Logs::LogGroup and AWS::Logs::MetricFilter."""

from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import integer, list_of, struct, tags, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, tag_changes, tag_map


class LogGroup(ResourceType):
    """A log group and how long it keeps its events."""

    name = "AWS::Logs::LogGroup"
    properties: ClassVar = {"KmsKeyId": text, "LogGroupName": text, "RetentionInDays": integer, "Tags": tags}
    replaced_by = frozenset({"LogGroupName"})
    name_property = "LogGroupName"
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        client = call.client("logs")
        name = properties.get("LogGroupName") or call.new_name(512)
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        tagged = {"tags": tag_map(properties)} if tag_map(properties) else {}
        client.create_log_group(logGroupName=name, **tagged, **key)
        call.created(name)
        if "RetentionInDays" in properties:
            client.put_retention_policy(logGroupName=name, retentionInDays=properties["RetentionInDays"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("logs")
        days = properties.get("RetentionInDays")
        if days is None:
            client.delete_retention_policy(logGroupName=physical_id)
        elif days != previous.get("RetentionInDays"):
            client.put_retention_policy(logGroupName=physical_id, retentionInDays=days)
        self._set_key(client, physical_id, properties, previous)
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        arn = call.arn("logs", f"log-group:{physical_id}")
        if tags_to_set:
            client.tag_resource(resourceArn=arn, tags=tags_to_set)
        if keys_to_remove:
            client.untag_resource(resourceArn=arn, tagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("logs").delete_log_group(logGroupName=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("logs", f"log-group:{physical_id}:*")}

    def _set_key(self, client: Any, name: str, properties: Properties, previous: Properties) -> None:
        key = properties.get("KmsKeyId")
        if key == previous.get("KmsKeyId"):
            return
        if key:
            client.associate_kms_key(logGroupName=name, kmsKeyId=key)
        else:
            client.disassociate_kms_key(logGroupName=name)


class MetricFilter(ResourceType):
    """A metric made of the lines of a log group that match a pattern."""

    name = "AWS::Logs::MetricFilter"
    properties: ClassVar = {
        "FilterName": text,
        "FilterPattern": text,
        "LogGroupName": text,
        "MetricTransformations": list_of(
            struct(
                {
                    "Dimensions": list_of(struct({"Key": text, "Value": text})),
                    "MetricName": text,
                    "MetricNamespace": text,
                    "MetricValue": text,
                    "Unit": text,
                }
            )
        ),
    }
    required = frozenset({"FilterPattern", "LogGroupName", "MetricTransformations"})
    replaced_by = frozenset({"FilterName", "LogGroupName"})
    name_property = "FilterName"

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("FilterName") or call.new_name(512)
        self.update(call, name, properties, {})
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        call.client("logs").put_metric_filter(
            logGroupName=properties["LogGroupName"],
            filterName=physical_id,
            filterPattern=properties["FilterPattern"],
            metricTransformations=[_transformation(each) for each in properties["MetricTransformations"]],
        )

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("logs").delete_metric_filter(logGroupName=properties["LogGroupName"], filterName=physical_id)


def _transformation(properties: Properties) -> dict[str, Any]:
    """Return a transformation as the API takes it: a small first letter, dimensions as a mapping."""
    given = {f"{key[0].lower()}{key[1:]}": value for key, value in properties.items()}
    if "dimensions" in given:
        given["dimensions"] = {each["Key"]: each["Value"] for each in given["dimensions"]}
    return given
