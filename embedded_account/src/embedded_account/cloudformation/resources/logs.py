"""AWS::Logs::LogGroup."""

from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import integer, tags, text
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
        client.create_log_group(logGroupName=name, tags=tag_map(properties), **key)
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
