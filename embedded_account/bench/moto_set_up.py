"""What AWS asks for and moto's tests leave out: roles that are there and may do all, queues that others may send to."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

_ROLE = re.compile(r"arn:aws:iam::123456789012:role(/.*/|/)([\w+=,.@-]+)")
_NO_TRUST = ("some policy", "test policy", "policy", "sp", "example", "{}")
_MAKES_STACK = ("CreateStack", "UpdateStack", "CreateChangeSet")
_TRUSTED = [f"{name}.amazonaws.com" for name in ("lambda", "sagemaker", "states", "events", "scheduler")]
_ABOUT_ROLES = ("iam", "sts", "lambda")  # whose tests are about roles that are none, too
_POLICY = "all"
_SENDERS = ["sns.amazonaws.com", "events.amazonaws.com"]
_DELIVERY_SECONDS = 1.0  # within which an event reaches its targets, after the answer
_NAMES_ROLES = ("Create", "Put", "Update", "Register")


def before(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters to call with, once the roles that they name are there."""
    if operation == "CreateRole" and params.get("AssumeRolePolicyDocument") in _NO_TRUST:
        return params | {"AssumeRolePolicyDocument": _trust()}
    if operation == "DeleteRole" and not _is_about_roles():
        _client("iam").delete_role_policy(RoleName=params["RoleName"], PolicyName=_POLICY)
    if operation == "CreateKey" and params.get("Policy", "{").lower() == "my policy":
        params = {name: value for name, value in params.items() if name != "Policy"}
    if "StackName" in params:
        params = params | {"StackName": _stack_name(params["StackName"])}
    if operation in _MAKES_STACK:
        params = {"Capabilities": ["CAPABILITY_NAMED_IAM"]} | params
    if service not in _ABOUT_ROLES and operation.startswith(_NAMES_ROLES):
        for path, name in set(_roles(params)):
            _make_role(path, name)
    return params


def after(service: str, operation: str, params: dict[str, Any]) -> None:
    """Let a role do all, where roles are not what is tested, and topics and rules send to the queues that they name."""
    if operation == "CreateRole" and not _is_about_roles():
        _allow_all(params["RoleName"])
    if (service, operation, params.get("Protocol")) == ("sns", "Subscribe", "sqs"):
        _let_send(params["Endpoint"])
    if (service, operation) == ("events", "PutTargets"):
        for target in params["Targets"]:
            if target["Arn"].startswith("arn:aws:sqs:"):
                _let_send(target["Arn"])
    if (service, operation) == ("events", "PutEvents"):
        time.sleep(_DELIVERY_SECONDS)


def _is_about_roles() -> bool:
    return "tests/test_iam/" in os.environ.get("PYTEST_CURRENT_TEST", "")


def _stack_name(name: str) -> str:
    """Return a name that AWS takes: hyphens in the place of other characters, a letter before; an ARN as it is."""
    if name.startswith("arn:") or re.fullmatch("[a-zA-Z][-a-zA-Z0-9]*", name):
        return name
    return "s" + re.sub("[^-a-zA-Z0-9]", "-", name)


def _trust() -> str:
    return _policy({"Effect": "Allow", "Principal": {"Service": _TRUSTED}, "Action": "sts:AssumeRole"})


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _roles(value: Any) -> Iterator[tuple[str, str]]:
    """Give the path and the name of each role of the account that parameters name."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _roles(each)
    elif isinstance(value, str) and (arn := _ROLE.fullmatch(value)):
        yield arn[1], arn[2]


def _make_role(path: str, name: str) -> None:
    iam = _client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=_trust())


def _allow_all(role: str) -> None:
    document = _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    _client("iam").put_role_policy(RoleName=role, PolicyName=_POLICY, PolicyDocument=document)


def _let_send(queue_arn: str) -> None:
    """Write a policy for a queue that is there and has none: topics and rules may send."""
    sqs = _client("sqs")
    with suppress(sqs.exceptions.QueueDoesNotExist):
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        if "Policy" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}):
            sender = {"Effect": "Allow", "Principal": {"Service": _SENDERS}, "Action": "sqs:SendMessage"}
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(sender | {"Resource": queue_arn})})


def _client(service: str) -> Any:
    """Return a client that signs as the root of the account that runs now."""
    return _client_of(service, os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])


@cache
def _client_of(service: str, key_id: str, secret_key: str) -> Any:
    import boto3

    session: Any = boto3.session.Session(key_id, secret_key, region_name="us-east-1")
    return session.client(service, endpoint_url=f"http://localhost:{os.environ['MOTO_PORT']}")
