"""AWS::Events::Rule."""

import json
from typing import Any, ClassVar

from embedded_account.cloudformation.errors import ResourceError
from embedded_account.cloudformation.resources.kinds import api, document, list_of, only, tags, text
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    changed,
    picked,
    tag_changes,
    tag_list,
)


class Rule(ResourceType):
    """A rule of the default event bus, with its targets."""

    name = "AWS::Events::Rule"
    properties: ClassVar = {
        "Description": text,
        "EventBusName": only("default"),
        "EventPattern": document,
        "Name": text,
        "RoleArn": text,
        "ScheduleExpression": text,
        "State": text,
        "Tags": tags,
        "Targets": list_of(api("events", "Target")),
    }
    replaced_by = frozenset({"Name"})
    name_property = "Name"
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("Name") or call.new_name(64)
        self._put(call.client("events"), name, properties, **picked(properties, "Tags"))
        call.created(name)
        self._put_targets(call.client("events"), name, properties.get("Targets", []))

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("events")
        settings = ("Description", "EventPattern", "RoleArn", "ScheduleExpression", "State")
        if changed(properties, previous, *settings):
            self._put(client, physical_id, properties)
        if changed(properties, previous, "Targets"):
            self._put_targets(client, physical_id, properties.get("Targets", []))
            gone = sorted(_ids(previous) - _ids(properties))
            if gone:
                _check(client.remove_targets(Rule=physical_id, Ids=gone))
        self._set_tags(call, physical_id, properties, previous)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        client = call.client("events")
        targets = client.list_targets_by_rule(Rule=physical_id)["Targets"]
        if targets:
            _check(client.remove_targets(Rule=physical_id, Ids=[target["Id"] for target in targets]))
        client.delete_rule(Name=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("events", f"rule/{physical_id}")}

    def _put(self, client: Any, name: str, properties: Properties, **options: Any) -> None:
        options |= picked(properties, "Description", "RoleArn", "ScheduleExpression", "State")
        if "EventPattern" in properties:
            options["EventPattern"] = json.dumps(properties["EventPattern"])
        client.put_rule(Name=name, **options)

    def _put_targets(self, client: Any, name: str, targets: list[Any]) -> None:
        if targets:
            _check(client.put_targets(Rule=name, Targets=targets))

    def _set_tags(self, call: Call, name: str, properties: Properties, previous: Properties) -> None:
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        arn = call.arn("events", f"rule/{name}")
        if tags_to_set:
            call.client("events").tag_resource(ResourceARN=arn, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            call.client("events").untag_resource(ResourceARN=arn, TagKeys=keys_to_remove)


def _ids(properties: Properties) -> set[str]:
    return {target["Id"] for target in properties.get("Targets", [])}


def _check(answer: dict[str, Any]) -> None:
    """Raise for the entries that EventBridge refused, which it reports in a successful answer."""
    if answer.get("FailedEntryCount"):
        entry = answer["FailedEntries"][0]
        raise ResourceError(f"target {entry.get('TargetId')!r}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
