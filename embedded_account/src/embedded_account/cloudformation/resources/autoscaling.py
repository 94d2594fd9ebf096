"""AWS::ApplicationAutoScaling::ScalableTarget."""

from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import api, integer, list_of, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, picked

_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


class ScalableTarget(ResourceType):
    """A scalable target with its scheduled actions, which come and go with the property."""

    name = "AWS::ApplicationAutoScaling::ScalableTarget"
    properties: ClassVar = {
        "MaxCapacity": integer,
        "MinCapacity": integer,
        "ResourceId": text,
        "RoleARN": text,
        "ScalableDimension": text,
        "ScheduledActions": list_of(api("application-autoscaling", "ScheduledAction")),
        "ServiceNamespace": text,
        "SuspendedState": api("application-autoscaling", "SuspendedState"),
    }
    required = frozenset({"MaxCapacity", "MinCapacity", "ResourceId", "ScalableDimension", "ServiceNamespace"})
    replaced_by = frozenset(_KEY)

    def create(self, call: Call, properties: Properties) -> None:
        self._register(call, properties)
        call.created(
            "|".join(str(properties[name]) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
        )
        self._schedule(call, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:  # noqa: ARG002
        self._register(call, properties)
        self._schedule(call, properties, previous)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        call.client("application-autoscaling").deregister_scalable_target(**picked(properties, *_KEY))

    def _register(self, call: Call, properties: Properties) -> None:
        asked = {name: value for name, value in properties.items() if name != "ScheduledActions"}
        call.client("application-autoscaling").register_scalable_target(**asked)

    def _schedule(self, call: Call, properties: Properties, previous: Properties) -> None:
        client, own = call.client("application-autoscaling"), picked(properties, *_KEY)
        actions: list[dict[str, Any]] = properties.get("ScheduledActions", [])
        for action in actions:
            client.put_scheduled_action(**own, **action)
        kept = {action["ScheduledActionName"] for action in actions}
        for action in previous.get("ScheduledActions", []):
            if action["ScheduledActionName"] not in kept:
                client.delete_scheduled_action(**own, ScheduledActionName=action["ScheduledActionName"])
