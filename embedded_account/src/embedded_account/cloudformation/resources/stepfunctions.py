"""AWS::StepFunctions::StateMachine."""

import json
import re
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import api, document, map_of, only, struct, tags, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, changed, tag_changes

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


class StateMachine(ResourceType):
    """A state machine; its definition comes from S3, or stands in the template, and has its substitutions made."""

    name = "AWS::StepFunctions::StateMachine"
    properties: ClassVar = {
        "Definition": document,
        "DefinitionS3Location": struct({"Bucket": text, "Key": text, "Version": text}),
        "DefinitionString": text,
        "DefinitionSubstitutions": map_of(text),
        "LoggingConfiguration": api("stepfunctions", "LoggingConfiguration"),
        "RoleArn": text,
        "StateMachineName": text,
        "StateMachineType": only("STANDARD"),
        "Tags": tags,
        "TracingConfiguration": api("stepfunctions", "TracingConfiguration"),
    }
    required = frozenset({"RoleArn"})
    replaced_by = frozenset({"StateMachineName", "StateMachineType"})
    name_property = "StateMachineName"
    attribute_names = frozenset({"Arn", "Name"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("StateMachineName") or call.new_name(80)
        created = call.client("stepfunctions").create_state_machine(
            name=name, type="STANDARD", **_settings(call, properties), tags=_tag_list(properties)
        )
        call.created(created["stateMachineArn"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("stepfunctions")
        if changed(properties, previous, *(set(self.properties) - {"Tags"})):
            off = {"loggingConfiguration": {"level": "OFF"}, "tracingConfiguration": {"enabled": False}}
            client.update_state_machine(stateMachineArn=physical_id, **{**off, **_settings(call, properties)})
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            tag_list = [{"key": key, "value": value} for key, value in tags_to_set.items()]
            client.tag_resource(resourceArn=physical_id, tags=tag_list)
        if keys_to_remove:
            client.untag_resource(resourceArn=physical_id, tagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("stepfunctions").delete_state_machine(stateMachineArn=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": physical_id, "Name": physical_id.rpartition(":")[2]}


def _settings(call: Call, properties: Properties) -> dict[str, Any]:
    names = {"LoggingConfiguration": "loggingConfiguration", "TracingConfiguration": "tracingConfiguration"}
    settings = {name: properties[key] for key, name in names.items() if key in properties}
    return {"definition": _definition(call, properties), "roleArn": properties["RoleArn"], **settings}


def _tag_list(properties: Properties) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags", [])]


def _definition(call: Call, properties: Properties) -> str:
    """Return the definition's text with `${Name}` replaced for each name that has a substitution."""
    if "DefinitionS3Location" in properties:
        location = properties["DefinitionS3Location"]
        version = {"VersionId": location["Version"]} if "Version" in location else {}
        stored = call.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"], **version)
        definition = stored["Body"].read().decode()
    elif "DefinitionString" in properties:
        definition = properties["DefinitionString"]
    else:
        definition = json.dumps(properties.get("Definition", {}))
    substitutions = properties.get("DefinitionSubstitutions", {})
    return _PLACEHOLDER.sub(lambda match: substitutions.get(match[1], match[0]), definition)
