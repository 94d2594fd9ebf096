"""Roles for tests whose subject is not who may do what."""

import json
import uuid
from contextlib import suppress
from typing import Any

ALL_SERVICES = ("lambda", "states", "sagemaker", "scheduler", "events", "cloudformation")
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def trust(*services: str) -> str:
    """Return a trust policy that names the services."""
    principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def new_role(account: Any, name: str, *statements: dict[str, Any], services: tuple[str, ...] = ALL_SERVICES) -> str:
    """Return the ARN of a new role that `services` may assume, allowed `statements` or, without any, everything."""
    iam = account.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(*services))["Role"]
    document = {"Version": "2012-10-17", "Statement": list(statements) or [EVERYTHING]}
    iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=json.dumps(document))
    return str(role["Arn"])


def new_role_in(account: Any) -> str:
    """Return the ARN of a new role of an account in this process, trusted by every service and allowed everything."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account.account_id]["aws"]
    name = f"role-{uuid.uuid4().hex[:8]}"
    role = backend.create_role(name, trust(*ALL_SERVICES), "/", None, "", [], "3600")
    role.put_policy("test", json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]}))
    return str(role.arn)


def session_of_a_role(account: Any, function_name: str, actions: tuple[str, ...]) -> dict[str, str]:
    """Return a session's credentials of a role that may do `actions` on the function, and nothing else."""
    iam, name = account.client("iam"), f"url-caller-{len(actions)}"
    assumed = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [assumed]})
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": [arn, f"{arn}:*"]}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="call", PolicyDocument=policy)
    role_arn = f"arn:aws:iam::123456789012:role/{name}"
    session: dict[str, str] = account.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="session")[
        "Credentials"
    ]
    return session
