"""AWS::Scheduler::Schedule and AWS::Scheduler::ScheduleGroup."""

from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import api, tags, text
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    picked,
    tag_changes,
    tag_list,
)


class Schedule(ResourceType):
    """A schedule and its target."""

    name = "AWS::Scheduler::Schedule"
    properties: ClassVar = {
        "Description": text,
        "EndDate": text,
        "FlexibleTimeWindow": api("scheduler", "FlexibleTimeWindow"),
        "GroupName": text,
        "KmsKeyArn": text,
        "Name": text,
        "ScheduleExpression": text,
        "ScheduleExpressionTimezone": text,
        "StartDate": text,
        "State": text,
        "Target": api("scheduler", "Target"),
    }
    required = frozenset({"FlexibleTimeWindow", "ScheduleExpression", "Target"})
    # The service cannot move a schedule to another group.
    replaced_by = frozenset({"Name", "GroupName"})
    name_property = "Name"
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("Name") or call.new_name(64)
        call.client("scheduler").create_schedule(**{**properties, "Name": name})
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        call.client("scheduler").update_schedule(**{**properties, "Name": physical_id})

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("scheduler").delete_schedule(Name=physical_id, **picked(properties, "GroupName"))

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("scheduler", f"schedule/{properties.get('GroupName', 'default')}/{physical_id}")}


class ScheduleGroup(ResourceType):
    """A group of schedules; deleting it deletes them."""

    name = "AWS::Scheduler::ScheduleGroup"
    properties: ClassVar = {"Name": text, "Tags": tags}
    replaced_by = frozenset({"Name"})
    name_property = "Name"
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("Name") or call.new_name(64)
        call.client("scheduler").create_schedule_group(Name=name, **picked(properties, "Tags"))
        call.created(name)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        arn = self.attributes(call, physical_id, properties)["Arn"]
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            call.client("scheduler").tag_resource(ResourceArn=arn, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            call.client("scheduler").untag_resource(ResourceArn=arn, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("scheduler").delete_schedule_group(Name=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("scheduler", f"schedule-group/{physical_id}")}
