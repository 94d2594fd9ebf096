"""Roles for tests whose subject is not who may do what."""

import json
from typing import Any

from embedded_account.pytest_plugin import RunningAccount

_SERVICES = ("lambda", "states", "sagemaker", "scheduler", "events", "cloudformation")
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def new_role(account: RunningAccount, name: str) -> str:
    """Return the ARN of a new role that every service may assume and that may do everything."""
    principals = {"Service": [f"{service}.amazonaws.com" for service in _SERVICES]}
    trust = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    iam = account.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=_document(_EVERYTHING))
    return str(role["Arn"])


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
