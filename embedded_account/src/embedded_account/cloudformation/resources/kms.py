"""AWS::KMS::Key."""

import json
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import boolean, integer, only, policy, tags, text
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    picked,
    tag_changes,
    tag_map,
)

_WINDOW_DAYS = 30


class Key(ResourceType):
    """A symmetric key. Deleting it schedules its deletion, as CloudFormation does."""

    name = "AWS::KMS::Key"
    properties: ClassVar = {
        "BypassPolicyLockoutSafetyCheck": boolean,
        "Description": text,
        "Enabled": boolean,
        "EnableKeyRotation": boolean,
        "KeyPolicy": policy,
        "KeySpec": only("SYMMETRIC_DEFAULT"),
        "KeyUsage": only("ENCRYPT_DECRYPT"),
        "PendingWindowInDays": integer,
        "Tags": tags,
    }
    attribute_names = frozenset({"Arn", "KeyId"})

    def create(self, call: Call, properties: Properties) -> None:
        client = call.client("kms")
        options = picked(properties, "BypassPolicyLockoutSafetyCheck", "Description", "KeySpec", "KeyUsage")
        if "KeyPolicy" in properties:
            options["Policy"] = json.dumps(properties["KeyPolicy"])
        if "Tags" in properties:
            options["Tags"] = _tags(tag_map(properties))
        key_id = client.create_key(**options)["KeyMetadata"]["KeyId"]
        call.created(key_id)
        self._switch(client, key_id, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("kms")
        description = properties.get("Description", "")
        if description != previous.get("Description", ""):
            client.update_key_description(KeyId=physical_id, Description=description)
        if properties.get("KeyPolicy") != previous.get("KeyPolicy"):
            document = json.dumps(properties.get("KeyPolicy") or _default_policy(call))
            client.put_key_policy(
                KeyId=physical_id,
                PolicyName="default",
                Policy=document,
                **picked(properties, "BypassPolicyLockoutSafetyCheck"),
            )
        self._switch(client, physical_id, properties, previous)
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            client.tag_resource(KeyId=physical_id, Tags=_tags(tags_to_set))
        if keys_to_remove:
            client.untag_resource(KeyId=physical_id, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        days = properties.get("PendingWindowInDays", _WINDOW_DAYS)
        client = call.client("kms")
        if client.describe_key(KeyId=physical_id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
            client.schedule_key_deletion(KeyId=physical_id, PendingWindowInDays=days)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"Arn": call.arn("kms", f"key/{physical_id}"), "KeyId": physical_id}

    def _switch(self, client: Any, key_id: str, properties: Properties, previous: Properties) -> None:
        """Bring rotation and state to what is wanted; rotation changes only while the key is enabled."""
        is_enabled, was_enabled = properties.get("Enabled", True), previous.get("Enabled", True)
        if is_enabled and not was_enabled:
            client.enable_key(KeyId=key_id)
        rotates = properties.get("EnableKeyRotation", False)
        if rotates != previous.get("EnableKeyRotation", False):
            (client.enable_key_rotation if rotates else client.disable_key_rotation)(KeyId=key_id)
        if was_enabled and not is_enabled:
            client.disable_key(KeyId=key_id)


def _tags(tags_to_set: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags_to_set.items()]


def _default_policy(call: Call) -> dict[str, Any]:
    """Return the policy that KMS gives a key without one: all is left to the account's IAM."""
    root = {"AWS": f"arn:aws:iam::{call.account.account_id}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
