"""AWS::IAM::Role, AWS::IAM::Policy and AWS::IAM::ManagedPolicy."""

import json
from typing import Any, ClassVar

from embedded_account.cloudformation.resources.kinds import integer, list_of, policy, strings, struct, tags, text
from embedded_account.cloudformation.resources.resource import (
    Call,
    Properties,
    ResourceType,
    changed,
    picked,
    tag_changes,
    tag_list,
)
from embedded_account.iam import moto_delays

_INLINE = list_of(struct({"PolicyName": text, "PolicyDocument": policy}))
_MAX_VERSIONS = 5


class Role(ResourceType):
    """A role with its inline and attached policies; where AWS's delays are on, made once it can be assumed."""

    name = "AWS::IAM::Role"
    properties: ClassVar = {
        "AssumeRolePolicyDocument": policy,
        "Description": text,
        "ManagedPolicyArns": strings,
        "MaxSessionDuration": integer,
        "Path": text,
        "PermissionsBoundary": text,
        "Policies": _INLINE,
        "RoleName": text,
        "Tags": tags,
    }
    required = frozenset({"AssumeRolePolicyDocument"})
    replaced_by = frozenset({"Path", "RoleName"})
    name_property = "RoleName"
    attribute_names = frozenset({"Arn", "RoleId"})

    def create(self, call: Call, properties: Properties) -> None:
        name = properties.get("RoleName") or call.new_name(64)
        call.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            **picked(properties, "Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"),
        )
        call.created(name)
        self._set_policies(call, name, properties, {})
        arn = call.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        call.account.clock.wait(call.account.stopping, moto_delays.remaining_seconds(call.account, arn))

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("iam")
        if changed(properties, previous, "AssumeRolePolicyDocument"):
            document = json.dumps(properties["AssumeRolePolicyDocument"])
            client.update_assume_role_policy(RoleName=physical_id, PolicyDocument=document)
        if changed(properties, previous, "Description", "MaxSessionDuration"):
            client.update_role(
                RoleName=physical_id,
                Description=properties.get("Description", ""),
                MaxSessionDuration=properties.get("MaxSessionDuration", 3600),
            )
        self._set_boundary(client, physical_id, properties, previous)
        self._set_policies(call, physical_id, properties, previous)
        tags_to_set, keys_to_remove = tag_changes(properties, previous)
        if tags_to_set:
            client.tag_role(RoleName=physical_id, Tags=tag_list(tags_to_set))
        if keys_to_remove:
            client.untag_role(RoleName=physical_id, TagKeys=keys_to_remove)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        client = call.client("iam")
        for name in client.list_role_policies(RoleName=physical_id)["PolicyNames"]:
            client.delete_role_policy(RoleName=physical_id, PolicyName=name)
        for attached in client.list_attached_role_policies(RoleName=physical_id)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=physical_id, PolicyArn=attached["PolicyArn"])
        client.delete_role(RoleName=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        role = call.client("iam").get_role(RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def _set_boundary(self, client: Any, name: str, properties: Properties, previous: Properties) -> None:
        if not changed(properties, previous, "PermissionsBoundary"):
            return
        if properties.get("PermissionsBoundary"):
            boundary = properties["PermissionsBoundary"]
            client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        else:
            client.delete_role_permissions_boundary(RoleName=name)

    def _set_policies(self, call: Call, name: str, properties: Properties, previous: Properties) -> None:
        client = call.client("iam")
        wanted, current = _inline(properties), _inline(previous)
        for policy_name, document in wanted.items():
            if current.get(policy_name) != document:
                client.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(document))
        for policy_name in sorted(set(current) - set(wanted)):
            client.delete_role_policy(RoleName=name, PolicyName=policy_name)
        attach, detach = properties.get("ManagedPolicyArns", []), previous.get("ManagedPolicyArns", [])
        for arn in sorted(set(attach) - set(detach)):
            client.attach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(set(detach) - set(attach)):
            client.detach_role_policy(RoleName=name, PolicyArn=arn)


def _inline(properties: Properties) -> dict[str, Any]:
    return {item["PolicyName"]: item["PolicyDocument"] for item in properties.get("Policies", [])}


class Policy(ResourceType):
    """An inline policy of one or several roles."""

    name = "AWS::IAM::Policy"
    properties: ClassVar = {"PolicyName": text, "PolicyDocument": policy, "Roles": strings}
    required = frozenset({"PolicyName", "PolicyDocument", "Roles"})

    def create(self, call: Call, properties: Properties) -> None:
        call.created(call.new_name(128))
        self.update(call, "", properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("iam")
        document = json.dumps(properties["PolicyDocument"])
        for role in properties["Roles"]:
            client.put_role_policy(RoleName=role, PolicyName=properties["PolicyName"], PolicyDocument=document)
        for role, name in sorted(_places(previous) - _places(properties)):
            client.delete_role_policy(RoleName=role, PolicyName=name)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        client = call.client("iam")
        for role, name in sorted(_places(properties)):
            try:
                client.delete_role_policy(RoleName=role, PolicyName=name)
            except client.exceptions.NoSuchEntityException:
                continue


def _places(properties: Properties) -> set[tuple[str, str]]:
    return {(role, properties["PolicyName"]) for role in properties.get("Roles", [])}


class ManagedPolicy(ResourceType):
    """A policy of the account's own, attached to roles."""

    name = "AWS::IAM::ManagedPolicy"
    properties: ClassVar = {
        "Description": text,
        "ManagedPolicyName": text,
        "Path": text,
        "PolicyDocument": policy,
        "Roles": strings,
    }
    required = frozenset({"PolicyDocument"})
    replaced_by = frozenset({"ManagedPolicyName", "Description", "Path"})
    name_property = "ManagedPolicyName"
    attribute_names = frozenset({"PolicyArn"})

    def create(self, call: Call, properties: Properties) -> None:
        created = call.client("iam").create_policy(
            PolicyName=properties.get("ManagedPolicyName") or call.new_name(128),
            PolicyDocument=json.dumps(properties["PolicyDocument"]),
            **picked(properties, "Path", "Description"),
        )
        arn = created["Policy"]["Arn"]
        call.created(arn)
        self._attach(call.client("iam"), arn, properties, {})

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        client = call.client("iam")
        if changed(properties, previous, "PolicyDocument"):
            versions = client.list_policy_versions(PolicyArn=physical_id)["Versions"]
            old = sorted(
                (item for item in versions if not item["IsDefaultVersion"]), key=lambda item: item["CreateDate"]
            )
            if len(versions) >= _MAX_VERSIONS:
                client.delete_policy_version(PolicyArn=physical_id, VersionId=old[0]["VersionId"])
            document = json.dumps(properties["PolicyDocument"])
            client.create_policy_version(PolicyArn=physical_id, PolicyDocument=document, SetAsDefault=True)
        self._attach(client, physical_id, properties, previous)

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        client = call.client("iam")
        for role in client.list_entities_for_policy(PolicyArn=physical_id)["PolicyRoles"]:
            client.detach_role_policy(RoleName=role["RoleName"], PolicyArn=physical_id)
        for version in client.list_policy_versions(PolicyArn=physical_id)["Versions"]:
            if not version["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=physical_id, VersionId=version["VersionId"])
        client.delete_policy(PolicyArn=physical_id)

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"PolicyArn": physical_id}

    def _attach(self, client: Any, arn: str, properties: Properties, previous: Properties) -> None:
        wanted, current = set(properties.get("Roles", [])), set(previous.get("Roles", []))
        for role in sorted(wanted - current):
            client.attach_role_policy(RoleName=role, PolicyArn=arn)
        for role in sorted(current - wanted):
            client.detach_role_policy(RoleName=role, PolicyArn=arn)
