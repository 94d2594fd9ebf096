"""AWS::Lambda::Version and AWS::Lambda::Alias."""

import time
from typing import Any, ClassVar

from embedded_account.cloudformation.errors import ResourceError
from embedded_account.cloudformation.resources.kinds import integer, list_of, number, struct, text
from embedded_account.cloudformation.resources.resource import Call, Properties, ResourceType, changed, picked

_WARM_SECONDS = 300.0


class Version(ResourceType):
    """A published version: the function's code and configuration as they are at that moment."""

    name = "AWS::Lambda::Version"
    properties: ClassVar = {"CodeSha256": text, "Description": text, "FunctionName": text}
    required = frozenset({"FunctionName"})
    replaced_by = frozenset(properties)
    attribute_names = frozenset({"FunctionArn", "Version"})

    def create(self, call: Call, properties: Properties) -> None:
        client = call.client("lambda")
        function = properties["FunctionName"]
        listed = client.list_versions_by_function(FunctionName=function)["Versions"]
        published = client.publish_version(**properties)
        if published["Version"] in {item["Version"] for item in listed}:
            raise ResourceError(
                f"A version for this Lambda function exists ( {published['Version']} ). Modify the function to create "
                "a new version."
            )
        name = function.rpartition("function:")[2].partition(":")[0]
        call.created(call.arn("lambda", f"function:{name}:{published['Version']}"))

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        arn, _, version = physical_id.rpartition(":")
        call.client("lambda").delete_function(FunctionName=arn.rpartition(":")[2], Qualifier=version)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"FunctionArn": physical_id, "Version": physical_id.rpartition(":")[2]}


class Alias(ResourceType):
    """A name for a version, with its provisioned concurrency."""

    name = "AWS::Lambda::Alias"
    properties: ClassVar = {
        "Description": text,
        "FunctionName": text,
        "FunctionVersion": text,
        "Name": text,
        "ProvisionedConcurrencyConfig": struct({"ProvisionedConcurrentExecutions": integer}),
        "RoutingConfig": struct(
            {"AdditionalVersionWeights": list_of(struct({"FunctionVersion": text, "FunctionWeight": number}))}
        ),
    }
    required = frozenset({"FunctionName", "FunctionVersion", "Name"})
    replaced_by = frozenset({"FunctionName", "Name"})
    attribute_names = frozenset({"AliasArn"})

    def create(self, call: Call, properties: Properties) -> None:
        created = call.client("lambda").create_alias(**_alias(properties), **picked(properties, "Description"))
        call.created(created["AliasArn"])
        self._provision(call, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        if changed(properties, previous, "FunctionVersion", "Description", "RoutingConfig"):
            call.client("lambda").update_alias(**_alias(properties), Description=properties.get("Description", ""))
        if changed(properties, previous, "FunctionVersion", "ProvisionedConcurrencyConfig"):
            self._provision(call, properties, previous)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        self._provision(call, {**properties, "ProvisionedConcurrencyConfig": None}, properties)
        call.client("lambda").delete_alias(FunctionName=properties["FunctionName"], Name=properties["Name"])

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"AliasArn": physical_id}

    def _provision(self, call: Call, properties: Properties, previous: Properties) -> None:
        client = call.client("lambda")
        where = {"FunctionName": properties["FunctionName"], "Qualifier": properties["Name"]}
        if properties.get("ProvisionedConcurrencyConfig"):
            client.put_provisioned_concurrency_config(**where, **properties["ProvisionedConcurrencyConfig"])
            _wait_until_warm(client, where)
        elif previous.get("ProvisionedConcurrencyConfig"):
            client.delete_provisioned_concurrency_config(**where)


def _alias(properties: Properties) -> dict[str, Any]:
    weights = properties.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
    routing = {item["FunctionVersion"]: item["FunctionWeight"] for item in weights}
    return {
        **picked(properties, "FunctionName", "Name", "FunctionVersion"),
        "RoutingConfig": {"AdditionalVersionWeights": routing},
    }


def _wait_until_warm(client: Any, where: dict[str, str]) -> None:
    deadline = time.monotonic() + _WARM_SECONDS
    while True:
        concurrency = client.get_provisioned_concurrency_config(**where)
        if concurrency["Status"] == "READY":
            return
        if concurrency["Status"] == "FAILED" or time.monotonic() > deadline:
            reason = concurrency.get("StatusReason", f"not ready after {_WARM_SECONDS:.0f} s")
            raise ResourceError(f"provisioned concurrency of alias {where['Qualifier']!r}: {reason}")
        time.sleep(0.05)
