"""AWS::DynamoDB::Table."""

from typing import Any, ClassVar

from embedded_account.cloudformation.errors import ResourceError
from embedded_account.cloudformation.resources.kinds import api, boolean, list_of, struct, tags, text
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    changed,
    picked,
    tag_changes,
    tag_list,
)


class Table(ResourceType):
    """A table with its time to live and backups."""

    name = "AWS::DynamoDB::Table"
    properties: ClassVar = {
        "AttributeDefinitions": list_of(api("dynamodb", "AttributeDefinition")),
        "BillingMode": text,
        "DeletionProtectionEnabled": boolean,
        "GlobalSecondaryIndexes": list_of(api("dynamodb", "GlobalSecondaryIndex")),
        "KeySchema": list_of(api("dynamodb", "KeySchemaElement")),
        "LocalSecondaryIndexes": list_of(api("dynamodb", "LocalSecondaryIndex")),
        "PointInTimeRecoverySpecification": struct({"PointInTimeRecoveryEnabled": boolean}),
        "ProvisionedThroughput": api("dynamodb", "ProvisionedThroughput"),
        "SSESpecification": struct({"SSEEnabled": boolean, "SSEType": text, "KMSMasterKeyId": text}),
        "StreamSpecification": struct({"StreamViewType": text}),
        "TableClass": text,
        "TableName": text,
        "Tags": tags,
        "TimeToLiveSpecification": struct({"AttributeName": text, "Enabled": boolean}),
    }
    required = frozenset({"KeySchema", "AttributeDefinitions"})
    # The keys of a table cannot change; CloudFormation decides that by comparing them, and so do we.
    replaced_by = frozenset({"TableName", "KeySchema", "LocalSecondaryIndexes"})
    name_property = "TableName"
    attribute_names = frozenset({"Arn", "StreamArn"})

    def create(self, call: Call, properties: Properties) -> None:
        client = call.client("dynamodb")
        name = properties.get("TableName") or call.new_name(255)
        as_is = (
            "AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes", "KeySchema",
            "LocalSecondaryIndexes", "ProvisionedThroughput", "TableClass", "Tags",
        )  # fmt: skip
        client.create_table(TableName=name, **picked(properties, *as_is), **_converted(properties))
        call.created(name)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        self._set_options(client, name, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        if changed(properties, previous, "GlobalSecondaryIndexes", "StreamSpecification", "AttributeDefinitions"):
            raise ResourceError(
                "GlobalSecondaryIndexes, StreamSpecification and AttributeDefinitions of a table cannot be updated in "
                "the embedded account; give the table another logical id"
            )
        client = call.client("dynamodb")
        as_is = ("BillingMode", "DeletionProtectionEnabled", "ProvisionedThroughput", "TableClass")
        if changed(properties, previous, *as_is, "SSESpecification"):
            unset = {"DeletionProtectionEnabled": False} if "DeletionProtectionEnabled" in previous else {}
            options = unset | picked(properties, *as_is)
            if changed(properties, previous, "SSESpecification"):
                options |= _converted({"SSESpecification": {"SSEEnabled": False}, **properties})
            client.update_table(TableName=physical_id, **options)
        self._set_options(client, physical_id, properties, previous)
        arn = call.arn("dynamodb", f"table/{physical_id}")
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            client.tag_resource(ResourceArn=arn, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            client.untag_resource(ResourceArn=arn, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("dynamodb").delete_table(TableName=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        values = {"Arn": call.arn("dynamodb", f"table/{physical_id}")}
        if "StreamSpecification" in properties:
            table = call.client("dynamodb").describe_table(TableName=physical_id)["Table"]
            values["StreamArn"] = table["LatestStreamArn"]
        return values

    def _set_options(self, client: Any, name: str, properties: Properties, previous: Properties) -> None:
        if changed(properties, previous, "TimeToLiveSpecification"):
            if "TimeToLiveSpecification" in properties:
                settings = properties["TimeToLiveSpecification"]
            else:
                settings = {**previous["TimeToLiveSpecification"], "Enabled": False}
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=settings)
        if changed(properties, previous, "PointInTimeRecoverySpecification"):
            settings = properties.get("PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False})
            client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=settings)


def _converted(properties: Properties) -> dict[str, Any]:
    """Return the properties that the API spells in another way."""
    made: dict[str, Any] = {}
    if "SSESpecification" in properties:
        names = {"SSEEnabled": "Enabled"}
        made["SSESpecification"] = {names.get(key, key): value for key, value in properties["SSESpecification"].items()}
    if "StreamSpecification" in properties:
        made["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return made
