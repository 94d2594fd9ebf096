"""A role that was just made, where the account's delays are on."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import AccountClock, RunningAccount
from support.functions import archive

_SERVICES = ("lambda", "states", "scheduler", "sagemaker")


@pytest.fixture
def role_arn(account: RunningAccount, faults: Faults) -> str:
    """Give a role that every service may assume, made just now."""
    faults.add("delay-roles")
    principal = {"Service": [f"{name}.amazonaws.com" for name in _SERVICES], "AWS": account.info.account_id}
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
    }
    name, iam = f"late-{uuid.uuid4().hex[:8]}", account.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(allow))
    return str(arn)


_MACHINE = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})


def _function(account: RunningAccount, role_arn: str) -> None:
    account.client("lambda").create_function(
        FunctionName=f"late-{uuid.uuid4().hex[:8]}",
        Role=role_arn,
        Handler="app.handler",
        Runtime="python3.11",
        Code={"ZipFile": archive({"app.py": ""})},
    )


def _machine(account: RunningAccount, role_arn: str) -> None:
    name = f"late-{uuid.uuid4().hex[:8]}"
    account.client("stepfunctions").create_state_machine(name=name, definition=_MACHINE, roleArn=role_arn)


def _schedule(account: RunningAccount, role_arn: str) -> None:
    account.client("scheduler").create_schedule(
        Name=f"late-{uuid.uuid4().hex[:8]}",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"arn:aws:sqs:us-east-1:{account.info.account_id}:none", "RoleArn": role_arn},
    )


def _session(account: RunningAccount, role_arn: str) -> None:
    account.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="late")


@pytest.mark.parametrize(
    ("create", "code", "message"),
    [
        (_function, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
        (_machine, "AccessDeniedException", "Neither the global service principal states.amazonaws.com, nor the "),
        (_schedule, "ValidationException", "must allow AWS EventBridge Scheduler to assume the role."),
        (_session, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource"),
    ],
    ids=["lambda", "states", "scheduler", "sts"],
)  # fmt: skip
def test_services_refuse_a_role_that_was_just_made(
    account: RunningAccount, role_arn: str, clock: AccountClock,
    create: Callable[[RunningAccount, str], Any], code: str, message: str,
) -> None:  # fmt: skip
    """Each service says it in its own words, and takes the role some seconds later.

    Source: IAM user guide, "Changes that I make are not always immediately visible".
    """
    with pytest.raises(ClientError, match=message) as caught:
        create(account, role_arn)

    assert caught.value.response["Error"]["Code"] == code
    clock.advance(11)
    create(account, role_arn)
