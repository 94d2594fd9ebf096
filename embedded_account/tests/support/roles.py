"""Roles for tests whose subject is not who may do what."""

import json
import uuid
from typing import Any

ALL_SERVICES = ("lambda", "states", "sagemaker", "scheduler", "events", "cloudformation")
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def trust(*services: str) -> str:
    """Return a trust policy that names the services."""
    principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def new_role_in(account: Any) -> str:
    """Return the ARN of a new role of an account in this process, trusted by every service and allowed everything."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account.account_id]["aws"]
    name = f"role-{uuid.uuid4().hex[:8]}"
    role = backend.create_role(name, trust(*ALL_SERVICES), "/", None, "", [], "3600")
    role.put_policy("test", json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]}))
    return str(role.arn)
