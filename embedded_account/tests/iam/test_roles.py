"""Tests of local/iam/roles.py and local/iam/log_access.py: what a service asks of a role that it is given."""

import json
import uuid
from typing import Any

import pytest
from embedded_account.account import Account
from embedded_account.clock import Clock
from embedded_account.errors import ServiceError
from embedded_account.iam.actions.rules import Call
from embedded_account.iam.log_access import LogAccess
from embedded_account.iam.permissions import Permissions
from embedded_account.iam.roles import Roles
from moto.iam.models import iam_backends
from support.roles import trust

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6-cpu-py312"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


@pytest.fixture
def account(tmp_path) -> Account:
    return Account(tmp_path, "http://127.0.0.1:9", "us-east-1", Clock())


def role(account: Account, service: str, *actions: str) -> str:
    """Return the ARN of a new role that `service` may assume and that may do `actions`."""
    backend = iam_backends[account.account_id]["aws"]
    made = backend.create_role(f"role-{uuid.uuid4().hex[:8]}", trust(service), "/", None, "", [], "3600")
    statement = {"Effect": "Allow", "Action": list(actions) or ["xray:None"], "Resource": "*"}
    made.put_policy("own", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return str(made.arn)


def check(account: Account, service: str, operation: str, **params: Any) -> None:
    Roles(account).check(service, Call(service, operation, params, account.region, account.account_id))


@pytest.mark.parametrize(
    ("service", "operation", "member", "code"),
    [
        ("lambda", "CreateFunction", "Role", "InvalidParameterValueException"),
        ("stepfunctions", "CreateStateMachine", "roleArn", "AccessDeniedException"),
    ],
)
def test_a_role_that_does_not_trust_the_service_is_refused(account, service, operation, member, code):
    """The service could never act with it.

    Source: Lambda developer guide, "Defining Lambda function permissions with an execution role".
    """
    with pytest.raises(ServiceError, match="assume") as caught:
        check(account, service, operation, **{member: role(account, "ec2", "*")})

    assert caught.value.code == code


def test_a_role_of_another_account_is_not_passed_to_lambda(account):
    """It is told as what it is, not as a role that does not trust."""
    with pytest.raises(ServiceError, match="Cross-account pass role is not allowed") as caught:
        check(account, "lambda", "CreateFunction", Role="arn:aws:iam::210987654321:role/r")

    assert caught.value.code == "AccessDeniedException"


@pytest.mark.parametrize(
    "arn", ["role", "arn:aws:iam::123456789012:role/", "arn:aws:iam::1:role/r", "arn:aws:sns:us-east-1:123456789012:t"]
)
@pytest.mark.parametrize("operation", ["CreateStateMachine", "UpdateStateMachine"])
def test_a_text_that_is_no_role_is_no_role_that_trusts_nobody(account, operation, arn):
    """The ARN is looked at first. Source: Step Functions API reference, CreateStateMachine: InvalidArn."""
    with pytest.raises(ServiceError, match=f"Invalid Role Arn: '{arn}'") as caught:
        check(account, "stepfunctions", operation, roleArn=arn)

    assert caught.value.code == "InvalidArn"


def test_a_schedule_needs_a_role_that_scheduler_may_assume(account):
    """EventBridge Scheduler delivers as the schedule's role.

    Source: EventBridge Scheduler user guide, "Setting up Amazon EventBridge Scheduler".
    """
    check(account, "scheduler", "CreateSchedule", Target={"RoleArn": role(account, "scheduler")})
    with pytest.raises(ServiceError, match="must allow AWS EventBridge Scheduler to assume the role"):
        check(account, "scheduler", "CreateSchedule", Target={"RoleArn": role(account, "lambda")})


def test_tracing_needs_the_right_to_put_segments(account):
    """A function with active tracing has a role that may send what is traced.

    Source: Lambda developer guide, "Defining Lambda function permissions with an execution role".
    """
    traced = {"FunctionName": "f", "TracingConfig": {"Mode": "Active"}}

    check(account, "lambda", "CreateFunction", Role=role(account, "lambda", "xray:Put*"), **traced)
    with pytest.raises(ServiceError, match="does not have permissions to call PutTraceSegments on XRAY"):
        check(account, "lambda", "CreateFunction", Role=role(account, "lambda"), **traced)


def test_a_dead_letter_queue_needs_the_right_to_send(account):
    """Lambda sends what failed with the function's role.

    Source: Lambda developer guide, "Defining Lambda function permissions with an execution role".
    """
    given = {"FunctionName": "f", "DeadLetterConfig": {"TargetArn": QUEUE}}

    check(account, "lambda", "CreateFunction", Role=role(account, "lambda", "sqs:SendMessage"), **given)
    with pytest.raises(ServiceError, match="does not have permissions to call SendMessage on SQS"):
        check(account, "lambda", "CreateFunction", Role=role(account, "lambda"), **given)


def test_logging_and_tracing_of_a_machine_need_their_actions(account):
    """Every action of log delivery, and those of X-Ray, as the developer guide lists them.

    Source: Step Functions developer guide, "Using CloudWatch Logs to log execution history in Step Functions".
    """
    logged = {"name": "m", "loggingConfiguration": {"level": "ALL"}, "tracingConfiguration": {"enabled": True}}

    check(account, "stepfunctions", "CreateStateMachine", roleArn=role(account, "states", "logs:*", "xray:*"), **logged)
    with pytest.raises(ServiceError, match="not authorized to access the Log Destination"):
        check(account, "stepfunctions", "CreateStateMachine", roleArn=role(account, "states", "xray:*"), **logged)
    with pytest.raises(ServiceError, match="not authorized to access X-Ray"):
        check(account, "stepfunctions", "CreateStateMachine", roleArn=role(account, "states", "logs:*"), **logged)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("CreateTrainingJob", lambda arn: {"RoleArn": arn, "AlgorithmSpecification": {"TrainingImage": IMAGE}}),
        (
            "CreateHyperParameterTuningJob",
            lambda arn: {"TrainingJobDefinition": {"RoleArn": arn, "AlgorithmSpecification": {"TrainingImage": IMAGE}}},
        ),
        ("CreateModel", lambda arn: {"ExecutionRoleArn": arn, "PrimaryContainer": {"Image": IMAGE}}),
    ],
)
def test_an_image_is_pulled_with_the_role(account, operation, params):
    """Without ECR's actions the image cannot be had, and the message names the repository and the role.

    Source: SageMaker developer guide, "How to use SageMaker AI execution roles".
    """
    may, may_not = role(account, "sagemaker", "ecr:*"), role(account, "sagemaker")

    check(account, "sagemaker", operation, **params(may))
    with pytest.raises(ServiceError, match="repository: pytorch-training in registry ID: 763104351884") as caught:
        check(account, "sagemaker", operation, **params(may_not))
    assert may_not in caught.value.message


def test_a_log_is_lost_without_the_right_to_write_it(account, caplog):
    """The program goes on; the account's log says once which action is missing.

    Source: Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs".
    """
    lost = LogAccess(account, role(account, "lambda", "logs:CreateLogStream"), "f", "/g", "s")
    kept = LogAccess(account, role(account, "lambda", "logs:*"), "f", "/g", "s")

    assert kept.allows("CreateLogGroup", "CreateLogStream")
    assert not lost.allows("CreateLogStream")
    assert not lost.allows("CreateLogStream")
    assert [one for one in caplog.messages if "logs:PutLogEvents" in one] == caplog.messages


def test_a_role_inside_the_account_is_refused_in_awss_words(account):
    """What a service does for a role without a request of its own is decided on as well.

    Source: IAM user guide, "Troubleshoot access denied error messages".
    """
    with pytest.raises(
        PermissionError, match="is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"
    ):
        Permissions(account).require_of_role(
            role(account, "sagemaker"), "SageMaker", "s3:GetObject", "arn:aws:s3:::b/k"
        )


def test_an_assumption_is_bound_to_its_source(account):
    """A trust policy's condition on aws:SourceArn holds for the resource on whose behalf the service acts.

    Source: IAM user guide, "The confused deputy problem".
    """
    arn = role(account, "scheduler")
    document = json.loads(trust("scheduler"))
    document["Statement"][0]["Condition"] = {
        "ArnLike": {"aws:SourceArn": "arn:aws:scheduler:*:*:schedule/default/mine"}
    }
    made = next(one for one in iam_backends[account.account_id]["aws"].roles.values() if one.arn == arn)
    made.assume_role_policy_document = json.dumps(document)
    source = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/"
    permissions = Permissions(account)

    permissions.require_assumption(arn, "scheduler.amazonaws.com", source + "mine")
    with pytest.raises(ServiceError, match=r"scheduler\.amazonaws\.com is not authorized to perform: sts:AssumeRole"):
        permissions.require_assumption(arn, "scheduler.amazonaws.com", source + "other")
    with pytest.raises(ServiceError, match="no such role"):
        permissions.require_assumption("arn:aws:iam::123456789012:role/none", "lambda.amazonaws.com", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("none", "RoleArn is required for target arn:aws:states"),
        ("missing", "role/missing' cannot be assumed by principal 'events.amazonaws.com'"),
        ("of-lambda", "cannot be assumed by principal 'events.amazonaws.com'"),
    ],
)
def test_target_has_a_role_that_eventbridge_may_assume(account: Account, given: str, message: str) -> None:
    """A state machine is started by one alone.

    Source: EventBridge user guide, "Using identity-based policies for Amazon EventBridge", "IAM roles for sending
    events to targets".
    """
    machine = {"Id": "1", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"}
    missing = "arn:aws:iam::123456789012:role/missing"
    roles = {"none": {}, "missing": {"RoleArn": missing}, "of-lambda": {"RoleArn": role(account, "lambda")}}

    with pytest.raises(ServiceError, match=message) as refused:
        check(account, "events", "PutTargets", Targets=[machine | roles[given]])

    assert refused.value.code == "ValidationException"
    check(account, "events", "PutTargets", Targets=[machine | {"RoleArn": role(account, "events")}])
