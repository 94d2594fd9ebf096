"""AWS::Lambda::Function and AWS::Lambda::LayerVersion."""

import io
import time
import zipfile
from typing import Any, ClassVar

from embedded_account.cloudformation.errors import ResourceError
from embedded_account.cloudformation.resources.kinds import api, integer, only, strings, struct, tags, text
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    changed,
    picked,
    tag_changes,
    tag_map,
)

_CONFIGURATION = (
    "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "Handler", "KmsKeyArn", "Layers",
    "LoggingConfig", "MemorySize", "Role", "Runtime", "Timeout", "TracingConfig",
)  # fmt: skip
# What an update must send for a property that the template no longer has; the rest keeps its value.
_UNSET: dict[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "KmsKeyArn": "",
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text"},
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
_SETTLE_SECONDS = 60.0


class Function(ResourceType):
    """A function with its code, configuration and reserved concurrency."""

    name = "AWS::Lambda::Function"
    properties: ClassVar = {
        "Architectures": strings,
        "Code": struct({"S3Bucket": text, "S3Key": text, "S3ObjectVersion": text, "ZipFile": text}),
        "DeadLetterConfig": api("lambda", "DeadLetterConfig"),
        "Description": text,
        "Environment": api("lambda", "Environment"),
        "EphemeralStorage": api("lambda", "EphemeralStorage"),
        "FunctionName": text,
        "Handler": text,
        "KmsKeyArn": text,
        "Layers": strings,
        "LoggingConfig": api("lambda", "LoggingConfig"),
        "MemorySize": integer,
        "PackageType": only("Zip"),
        "ReservedConcurrentExecutions": integer,
        "Role": text,
        "Runtime": text,
        "Tags": tags,
        "Timeout": integer,
        "TracingConfig": api("lambda", "TracingConfig"),
    }
    required = frozenset({"Code", "Role"})
    replaced_by = frozenset({"FunctionName", "PackageType"})
    name_property = "FunctionName"
    attribute_names = frozenset({"Arn"})

    def create(self, call: Call, properties: Properties) -> None:
        client = call.client("lambda")
        name = properties.get("FunctionName") or call.new_name(64)
        client.create_function(
            FunctionName=name,
            Code=_code(properties),
            Tags=tag_map(properties),
            **picked(properties, *_CONFIGURATION, "Architectures", "PackageType"),
        )
        call.created(name)
        settle(client, name)
        if "ReservedConcurrentExecutions" in properties:
            self._reserve(client, name, properties)

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("lambda")
        if changed(properties, previous, "Code", "Architectures"):
            options = picked(properties, "Architectures")
            client.update_function_code(FunctionName=physical_id, **_code(properties), **options)
            settle(client, physical_id)
        if changed(properties, previous, *_CONFIGURATION):
            unset = {key: value for key, value in _UNSET.items() if key in previous and key not in properties}
            options = picked(properties, *_CONFIGURATION) | unset
            client.update_function_configuration(FunctionName=physical_id, **options)
            settle(client, physical_id)
        if changed(properties, previous, "ReservedConcurrentExecutions"):
            self._reserve(client, physical_id, properties)
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        arn = call.arn("lambda", f"function:{physical_id}")
        if tags_to_set:
            client.tag_resource(Resource=arn, Tags=tags_to_set)
        if keys_to_remove:
            client.untag_resource(Resource=arn, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        call.client("lambda").delete_function(FunctionName=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("lambda", f"function:{physical_id}")}

    def _reserve(self, client: Any, name: str, properties: Properties) -> None:
        reserved = properties.get("ReservedConcurrentExecutions")
        if reserved is None:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)


def settle(client: Any, name: str) -> None:
    """Wait until a function that was created or updated can be used.

    Raises:
        ResourceError: it failed, with Lambda's reason, or does not settle within a minute.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        configuration = client.get_function_configuration(FunctionName=name)
        if "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus")):
            reason = (
                configuration.get("StateReason") or configuration.get("LastUpdateStatusReason") or "no reason given"
            )
            raise ResourceError(f"function {name!r} is {configuration.get('State')}: {reason}")
        if configuration.get("State") != "Pending" and configuration.get("LastUpdateStatus") != "InProgress":
            return
        if time.monotonic() > deadline:
            raise ResourceError(f"function {name!r} is {configuration.get('State')} after {_SETTLE_SECONDS:.0f} s")
        time.sleep(0.05)


def _code(properties: Properties) -> dict[str, Any]:
    """Return the code as Lambda takes it; inline code becomes a zip with index.py, or index.js."""
    code = properties["Code"]
    if "ZipFile" not in code:
        return dict(code)
    member = "index.js" if properties.get("Runtime", "").startswith("nodejs") else "index.py"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo(member), code["ZipFile"])
    return {"ZipFile": archive.getvalue()}


class LayerVersion(ResourceType):
    """One version of a layer; any change publishes another."""

    name = "AWS::Lambda::LayerVersion"
    properties: ClassVar = {
        "CompatibleArchitectures": strings,
        "CompatibleRuntimes": strings,
        "Content": struct({"S3Bucket": text, "S3Key": text, "S3ObjectVersion": text}),
        "Description": text,
        "LayerName": text,
        "LicenseInfo": text,
    }
    required = frozenset({"Content"})
    replaced_by = frozenset(properties)
    attribute_names = frozenset({"LayerVersionArn"})

    def create(self, call: Call, properties: Properties) -> None:
        options = {key: value for key, value in properties.items() if key != "LayerName"}
        name = properties.get("LayerName") or call.logical_id
        call.created(call.client("lambda").publish_layer_version(LayerName=name, **options)["LayerVersionArn"])

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        arn, _, version = physical_id.rpartition(":")
        name = arn.rpartition(":")[2]
        call.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"LayerVersionArn": physical_id}
