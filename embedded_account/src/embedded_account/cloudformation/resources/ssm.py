"""AWS::SSM::Parameter."""

from collections.abc import Mapping
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import map_of, only, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, picked, tag_list


class Parameter(ResourceType):
    """A parameter of the Parameter Store."""

    name = "AWS::SSM::Parameter"
    properties: ClassVar = {
        "AllowedPattern": text,
        "DataType": text,
        "Description": text,
        "Name": text,
        "Tags": map_of(text),
        "Tier": text,
        "Type": only("String", "StringList"),
        "Value": text,
    }
    required = frozenset({"Type", "Value"})
    replaced_by = frozenset({"Name"})
    name_property = "Name"
    attribute_names = frozenset({"Type", "Value"})

    def create(self, call: Call, properties: Properties) -> None:
        # AWS names parameters CFN-LOGICALID-RANDOM, without the stack.
        name = properties.get("Name") or "CFN-" + call.new_name(255).removeprefix(f"{call.stack_name}-")
        settings = {key: value for key, value in properties.items() if key != "Tags"}
        options = {"Tags": tag_list(properties["Tags"])} if properties.get("Tags") else {}
        call.client("ssm").put_parameter(**{**settings, "Name": name}, **options)
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("ssm")
        settings = {key: value for key, value in properties.items() if key != "Tags"}
        client.put_parameter(**{**settings, "Name": physical_id}, Overwrite=True)
        wanted, current = properties.get("Tags", {}), previous.get("Tags", {})
        where = {"ResourceType": "Parameter", "ResourceId": physical_id}
        gone = sorted(set(current) - set(wanted))
        if wanted and wanted != current:
            client.add_tags_to_resource(**where, Tags=tag_list(wanted))
        if gone:
            client.remove_tags_from_resource(**where, TagKeys=gone)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("ssm").delete_parameter(Name=physical_id)

    def tagged(self, properties: dict[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
        own = properties.get("Tags", {})
        return {**properties, "Tags": {**tags, **own}} if tags or own else properties

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return picked(properties, "Type", "Value")
