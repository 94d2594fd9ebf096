"""AWS::Lambda::Permission, AWS::Lambda::EventInvokeConfig, AWS::Lambda::EventSourceMapping and AWS::Lambda::Url."""

from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import api, boolean, integer, strings, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, changed, picked


class Permission(ResourceType):
    """One statement of a function's resource policy; any change makes another."""

    name = "AWS::Lambda::Permission"
    properties: ClassVar = {
        "Action": text,
        "EventSourceToken": text,
        "FunctionName": text,
        "FunctionUrlAuthType": text,
        "InvokedViaFunctionUrl": boolean,
        "Principal": text,
        "PrincipalOrgID": text,
        "SourceAccount": text,
        "SourceArn": text,
    }
    required = frozenset({"Action", "FunctionName", "Principal"})
    replaced_by = frozenset(properties)
    attribute_names = frozenset({"Id"})

    def create(self, call: Call, properties: Properties) -> None:
        statement_id = call.new_name(100)
        options = {key: value for key, value in properties.items() if key != "FunctionName"}
        where = _qualified(properties["FunctionName"])
        call.client("lambda").add_permission(StatementId=statement_id, **where, **options)
        call.created(statement_id)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("lambda").remove_permission(StatementId=physical_id, **_qualified(properties["FunctionName"]))

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Id": physical_id}


def _qualified(function: str) -> dict[str, str]:
    """Return name and qualifier of a function, which may be given as a name, NAME:ALIAS, or an ARN of either."""
    name, _, qualifier = function.rpartition("function:")[2].partition(":")
    return {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})


class EventInvokeConfig(ResourceType):
    """How a function's asynchronous invocations are retried, and where their results go."""

    name = "AWS::Lambda::EventInvokeConfig"
    properties: ClassVar = {
        "DestinationConfig": api("lambda", "DestinationConfig"),
        "FunctionName": text,
        "MaximumEventAgeInSeconds": integer,
        "MaximumRetryAttempts": integer,
        "Qualifier": text,
    }
    required = frozenset({"FunctionName", "Qualifier"})
    replaced_by = frozenset({"FunctionName", "Qualifier"})

    def create(self, call: Call, properties: Properties) -> None:
        call.client("lambda").put_function_event_invoke_config(**properties)
        call.created(call.new_name())

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        call.client("lambda").put_function_event_invoke_config(**properties)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        where = picked(properties, "FunctionName", "Qualifier")
        call.client("lambda").delete_function_event_invoke_config(**where)


class EventSourceMapping(ResourceType):
    """Which queue a function is fed from, and in what batches."""

    name = "AWS::Lambda::EventSourceMapping"
    properties: ClassVar = {
        "BatchSize": integer,
        "Enabled": boolean,
        "EventSourceArn": text,
        "FunctionName": text,
        "FunctionResponseTypes": strings,
        "MaximumBatchingWindowInSeconds": integer,
        "ScalingConfig": api("lambda", "ScalingConfig"),
    }
    required = frozenset({"FunctionName"})
    replaced_by = frozenset({"EventSourceArn"})
    attribute_names = frozenset({"EventSourceMappingArn", "Id"})
    _unset: ClassVar = {
        "BatchSize": 10, "Enabled": True, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0,
        "ScalingConfig": {},
    }  # fmt: skip

    def create(self, call: Call, properties: Properties) -> None:
        call.created(call.client("lambda").create_event_source_mapping(**properties)["UUID"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        unset = {key: value for key, value in self._unset.items() if key in previous and key not in properties}
        given = {key: value for key, value in properties.items() if key != "EventSourceArn"} | unset
        call.client("lambda").update_event_source_mapping(UUID=physical_id, **given)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("lambda").delete_event_source_mapping(UUID=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"EventSourceMappingArn": call.arn("lambda", f"event-source-mapping:{physical_id}"), "Id": physical_id}


class Url(ResourceType):
    """A function's own HTTP address."""

    name = "AWS::Lambda::Url"
    properties: ClassVar = {
        "AuthType": text,
        "Cors": api("lambda", "Cors"),
        "InvokeMode": text,
        "Qualifier": text,
        "TargetFunctionArn": text,
    }
    required = frozenset({"AuthType", "TargetFunctionArn"})
    replaced_by = frozenset({"Qualifier", "TargetFunctionArn"})
    attribute_names = frozenset({"FunctionArn", "FunctionUrl"})

    def create(self, call: Call, properties: Properties) -> None:
        options = picked(properties, "AuthType", "Cors", "InvokeMode")
        created = call.client("lambda").create_function_url_config(**_target(properties), **options)
        call.created(created["FunctionArn"])

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        if changed(properties, previous, "AuthType", "Cors", "InvokeMode"):
            options = picked(properties, "AuthType", "InvokeMode") | {"Cors": properties.get("Cors", {})}
            call.client("lambda").update_function_url_config(**_target(properties), **options)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("lambda").delete_function_url_config(**_target(properties))

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        config = call.client("lambda").get_function_url_config(**_target(properties))
        return {"FunctionArn": config["FunctionArn"], "FunctionUrl": config["FunctionUrl"]}


def _target(properties: Properties) -> dict[str, str]:
    where = _qualified(properties["TargetFunctionArn"])
    return where | picked(properties, "Qualifier")
