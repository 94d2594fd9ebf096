"""What a caller must acknowledge before a template may be deployed."""

from collections.abc import Collection, Mapping
from typing import Any

_NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::Policy": "",
    "AWS::IAM::AccessKey": "",
    "AWS::IAM::UserToGroupAddition": "",
}


def needed(resources: Mapping[str, Any]) -> str:
    """Return the capability that the IAM resources among `resources` need; empty when there are none."""
    identities = [item for item in resources.values() if item.get("Type") in _NAMES]
    if any(_NAMES[item["Type"]] in (item.get("Properties") or {}) for item in identities):
        return "CAPABILITY_NAMED_IAM"
    return "CAPABILITY_IAM" if identities else ""


def missing(resources: Mapping[str, Any], given: Collection[str]) -> str:
    """Return the capability that `resources` need and the caller did not give; empty when nothing is missing."""
    capability = needed(resources)
    if capability == "CAPABILITY_IAM" and "CAPABILITY_NAMED_IAM" in given:
        return ""
    return "" if capability in given else capability


def reason(resources: Mapping[str, Any]) -> str:
    """Return which resources need a capability, in CloudFormation's words."""
    types = sorted({item["Type"] for item in resources.values() if item.get("Type") in _NAMES})
    return f"The following resource(s) require capabilities: [{', '.join(types)}]"
