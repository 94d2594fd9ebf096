"""Each role is sufficient and minimal: the policies of the template against every request of the flow's tests."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.iam.atoms import Atom, atoms, idle_atoms
from local.iam.context import Context
from local.iam.documents import Policy
from local.iam.evaluation import Policies, Request, evaluate
from local.iam.recording import recorded
from local.identity import Principal
from tests.flow.pictures import write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.account]

FROZEN = "frozen"  # the stack of test_features.py
TESTS = Path(__file__).resolve().parents[1]
# Paths that a healthy flow does not take. Each is taken by a handler's own test, which is named: the role's logical id
# and statement, the actions, and the test under tests/.
_RESOLVED = "handlers/test_start_jobs.py::test_retried_state_goes_on_at_once_if_the_job_has_ended"
_REFUSED = "handlers/test_start_jobs.py::test_refused_job_leaves_no_token"
_FAILED = "handlers/test_resume_execution.py::test_failed_training_job_fails_the_state_in_words"
_GIVEN_BACK = "handlers/test_report_outcome.py::test_failure_gives_scaling_back"
_TYPE_CHANGE = "handlers/test_deploy_endpoint.py::test_change_of_instance_type_takes_scaling_away_first"
_TRIAL_FAILED = "handlers/test_resume_execution.py::test_failed_tuning_job_tells_the_trials_reason"
RARE: dict[tuple[str, str], dict[str, str]] = {
    ("CheckEndpointRole", "InvokeAndSetBack"): {
        "sagemaker:DeleteEndpoint": "handlers/test_check_endpoint.py::test_new_endpoint_is_deleted"
    },
    ("CheckEndpointRole", "SetBack"): {
        "sagemaker:UpdateEndpoint": "handlers/test_check_endpoint.py::test_disagreeing_endpoint_is_set_back"
    },
    ("CheckEndpointRole", "List"): {"s3:ListBucket": "handlers/test_check_endpoint.py::test_vanished_image_is_refused"},
    ("DeployEndpointRole", "CreateModel"): {
        "sagemaker:DescribeModel": "handlers/test_faults.py::test_killed_deployment_is_finished_by_the_retry"
    },
    ("DeployEndpointRole", "ReadScaling"): {
        "application-autoscaling:DescribeScalableTargets": _TYPE_CHANGE,
        "application-autoscaling:DescribeScalingPolicies": _TYPE_CHANGE,
    },
    ("DeployEndpointRole", "TakeScalingAway"): {
        "application-autoscaling:DeregisterScalableTarget": _TYPE_CHANGE,
    },
    ("DeployEndpointRole", "Table"): {
        "dynamodb:DeleteItem": "handlers/test_deploy_endpoint.py::test_refused_update_leaves_no_token",
        "dynamodb:GetItem": "handlers/test_deploy_endpoint.py::test_retried_state_goes_on_if_its_update_has_ended",
    },
    ("DeployEndpointRole", "Answer"): {
        "states:SendTaskSuccess": "handlers/test_deploy_endpoint.py::"
        "test_retried_state_goes_on_if_its_update_has_ended",
        "states:SendTaskFailure": "handlers/test_resume_execution.py::test_rolled_back_endpoint_fails_the_state",
    },
    ("ComputeFeaturesRole", "Compute"): {
        "sagemaker:DescribeTrainingJob": "handlers/test_compute_features.py::test_retried_state_takes_its_own"
    },
    ("ComputeFeaturesRole", "List"): {
        "s3:ListBucket": "handlers/test_compute_features.py::test_missing_manifest_is_an_error_of_ours"
    },
    ("ComputeFeaturesRole", "Table"): {
        "dynamodb:DeleteItem": _REFUSED,
        "dynamodb:GetItem": "handlers/test_compute_features.py::test_retried_state_takes_its_own",
    },
    ("ComputeFeaturesRole", "Answer"): {
        "states:SendTaskFailure": "handlers/test_compute_features.py::test_failed_job_says_what_to_change",
        "states:SendTaskSuccess": "handlers/test_compute_features.py::test_next_execution_takes_them_at_once",
    },
    ("RegisterScalingRole", "Table"): {
        "dynamodb:DeleteItem": "handlers/test_deploy_endpoint.py::"
        "test_registration_after_the_update_keeps_policies_added_by_hand"
    },
    ("ReportOutcomeRole", "RejectModelPackage"): {
        "sagemaker:UpdateModelPackage": "handlers/test_report_outcome.py::test_failed_deployment_rejects_its_package"
    },
    ("ReportOutcomeRole", "DeleteFailedEndpoint"): {
        "sagemaker:DeleteEndpoint": "handlers/test_report_outcome.py::test_endpoint_that_never_came_up_is_deleted"
    },
    ("ReportOutcomeRole", "ChangeScaling"): {
        "application-autoscaling:PutScalingPolicy": _GIVEN_BACK,
        "application-autoscaling:RegisterScalableTarget": _GIVEN_BACK,
    },
    ("ReportOutcomeRole", "ScaleTheEndpoint"): {"sagemaker:UpdateEndpointWeightsAndCapacities": _GIVEN_BACK},
    ("ReportOutcomeRole", "ReadEndpointConfig"): {"sagemaker:DescribeEndpointConfig": _GIVEN_BACK},
    ("ReportOutcomeRole", "TargetTrackingAlarms"): {
        "cloudwatch:DeleteAlarms": _GIVEN_BACK,
        "cloudwatch:PutMetricAlarm": _GIVEN_BACK,
    },
    ("ReportOutcomeRole", "ReadAlarms"): {"cloudwatch:DescribeAlarms": _GIVEN_BACK},
    ("ReportOutcomeRole", "ServiceRoleOfAutoscaling"): {"iam:CreateServiceLinkedRole": _GIVEN_BACK},
    ("ResumeExecutionRole", "Tuning"): {
        "sagemaker:StopHyperParameterTuningJob": "handlers/test_resume_execution.py::"
        "test_sweep_stops_jobs_of_ended_executions"
    },
    ("ResumeExecutionRole", "Endpoint"): {
        "sagemaker:DeleteEndpoint": "handlers/endpoints/test_deployments.py::"
        "test_new_endpoint_of_an_unchecked_model_is_deleted"
    },
    ("ResumeExecutionRole", "SetBackAnUncheckedModel"): {
        "sagemaker:UpdateEndpoint": "handlers/endpoints/test_deployments.py::"
        "test_unchecked_model_is_taken_out_of_service"
    },
    ("ResumeExecutionRole", "Training"): {
        "sagemaker:StopTrainingJob": "handlers/test_resume_execution.py::test_sweep_stops_jobs_of_ended_executions"
    },
    ("SchedulerRole", "SendToDeadLetters"): {
        "sqs:SendMessage": "local/iam/test_enforcement.py::test_a_schedule_sends_to_its_dead_letters_as_its_role"
    },
    ("StartTrainingJobRole", "Train"): {"sagemaker:DescribeTrainingJob": _RESOLVED},
    ("StartTrainingJobRole", "Table"): {"dynamodb:DeleteItem": _REFUSED, "dynamodb:GetItem": _RESOLVED},
    ("StartTrainingJobRole", "Answer"): {
        "states:SendTaskFailure": _FAILED,
        "states:SendTaskSuccess": _RESOLVED,
    },
    ("StartTuningJobRole", "Tune"): {
        "sagemaker:DescribeHyperParameterTuningJob": _RESOLVED,
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob": _TRIAL_FAILED,
    },
    ("StartTuningJobRole", "ReadFailedTrainingJob"): {"sagemaker:DescribeTrainingJob": _TRIAL_FAILED},
    ("StartTuningJobRole", "Table"): {"dynamodb:DeleteItem": _REFUSED, "dynamodb:GetItem": _RESOLVED},
    ("StartTuningJobRole", "Answer"): {
        "states:SendTaskFailure": _FAILED,
        "states:SendTaskSuccess": _RESOLVED,
    },
}


@pytest.fixture(scope="module")
def whole_flow(request, production) -> None:
    """Let go on only where the tests of the flow's other paths have run before."""
    files = {item.path.name for item in request.session.items if item.path.parent == Path(__file__).parent}
    if not {"test_success.py", "test_schedule.py", "test_refusals.py", "test_features.py"} <= files:
        pytest.skip("what is needed shows only after all of tests/flow; run: pytest tests/flow")


@pytest.fixture(scope="module")
def roles(stack) -> dict[tuple[str, str], str]:
    """Give the ARN of each role of the flow's stacks by stack and logical id."""
    found = {}
    for name in (stack.name, FROZEN):
        pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        for one in (resource for page in pages for resource in page["StackResourceSummaries"]):
            if one["ResourceType"] == "AWS::IAM::Role":
                role = stack.client("iam").get_role(RoleName=one["PhysicalResourceId"])["Role"]
                found[name, one["LogicalResourceId"]] = role["Arn"]
    return found


@pytest.fixture(scope="module")
def policies(stack, roles) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the one policy document of each role."""
    iam, found = stack.client("iam"), {}
    for key, arn in roles.items():
        name = arn.rpartition("/")[2]
        listed = iam.list_role_policies(RoleName=name)["PolicyNames"]
        assert len(listed) == 1, f"{key} has the policies {listed}"
        found[key] = iam.get_role_policy(RoleName=name, PolicyName=listed[0])["PolicyDocument"]
    return found


@pytest.fixture(scope="module")
def requests(stack, whole_flow, roles) -> dict[tuple[str, str], list[Request]]:
    """Give what was asked for as each role, in this session."""
    keys = {arn: key for key, arn in roles.items()}
    found: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for one in recorded(stack.account.folder):
        if one.request.principal.role_arn in keys:
            found[keys[one.request.principal.role_arn]].append(one.request)
    return found


def test_every_request_of_the_flow_was_allowed(stack, whole_flow, roles):
    """No role of the stacks was denied anything: the policies suffice."""
    refused = [
        f"{one.request.principal.arn} {one.request.action} {one.request.resource}"
        for one in recorded(stack.account.folder)
        if not one.was_allowed and one.request.principal.role_arn in roles.values()
    ]
    assert refused == []


def test_every_permission_is_needed(policies, requests):
    """Without any one action of any one statement some request of the flow, or a listed rare one, is denied."""
    rare = {(role, Atom(sid, action)) for (role, sid), named in RARE.items() for action in named}
    present = {(role, atom) for (_, role), document in policies.items() for atom in atoms(document)}
    needed = {
        (role, atom)
        for (stack_name, role), document in policies.items()
        for atom in set(atoms(document)) - set(idle_atoms(document, requests[stack_name, role]))
    }
    unneeded = sorted(f"{role} {atom.sid} {atom.action}" for role, atom in present - needed - rare)
    assert unneeded == [], "nothing needs these; take them out of template.yaml or list the path that does"


def test_rare_permissions_are_there_and_tested(policies):
    """Each listed rare path names an atom of the template and a test that exists."""
    listed = {(role, Atom(sid, action)) for (role, sid), named in RARE.items() for action in named}
    present = {(role, atom) for (_, role), document in policies.items() for atom in atoms(document)}
    missing = {test for named in RARE.values() for test in named.values() if not _exists(test)}

    assert listed - present == set()
    assert missing == set()


def test_each_role_is_assumed_by_its_service(stack, whole_flow, roles):
    """Every role was assumed, and by the one service that its trust policy names."""
    assumed = defaultdict(set)
    for one in recorded(stack.account.folder):
        if one.request.action == "sts:AssumeRole" and one.was_allowed:
            assumed[one.request.resource].add(one.request.principal.service)
    for key, arn in roles.items():
        trust = stack.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
        assert assumed[arn] == {trust["Statement"][0]["Principal"]["Service"]}, key


def test_each_rule_needs_its_permission_to_invoke(stack, whole_flow):
    """Without the Lambda permission of a rule, that rule's request to invoke is denied."""
    asked = [
        one.request
        for one in recorded(stack.account.folder)
        if one.request.principal.service == "events.amazonaws.com" and one.request.action == "lambda:InvokeFunction"
    ]
    invoked = {request.principal.source_arn for request in asked}
    permitted = 0
    for function in ("start-execution", "resume-execution"):
        text = stack.client("lambda").get_policy(FunctionName=f"{stack.name}-{function}")["Policy"]
        for statement in json.loads(text)["Statement"]:
            permitted += 1
            left = [one for one in json.loads(text)["Statement"] if one["Sid"] != statement["Sid"]]
            before = [one for one in asked if one.resource.endswith(function) and _allows([*left, statement], one)]
            assert [one for one in before if not _allows(left, one)], statement
    assert permitted == 5
    assert len(invoked) >= 5


def _allows(statements: list[dict[str, Any]], request: Request) -> bool:
    document = {"Version": "2012-10-17", "Statement": statements}
    return evaluate(request, Policies(resource=Policy.parse(document))).is_allowed


@cache
def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = TESTS / file
    return path.exists() and f"def {name}(" in path.read_text()


def test_plain_http_is_denied_by_the_buckets_policy(stack, production):
    """The TLS-only statement denies even what the caller's own policy allows; without it, nothing would."""
    bucket = stack.outputs["DataBucketName"]
    text = stack.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    request = Request(
        Principal("arn:aws:iam::123456789012:role/any", "one"),
        "s3:GetObject",
        f"arn:aws:s3:::{bucket}/datasets/x",
        Context({"aws:SecureTransport": "false"}),
    )
    anything = Policy.parse({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})

    assert not evaluate(request, Policies((anything,), resource=Policy.parse(text))).is_allowed
    assert evaluate(request, Policies((anything,))).is_allowed


@pytest.mark.parametrize(
    ("role", "sid", "action"),
    [
        ("ValidateDatasetRole", "WriteManifests", "s3:PutObject"),
        ("StartTuningJobRole", "PassSageMakerRole", "iam:PassRole"),
    ],
)
def test_a_removed_statement_fails_the_run_in_words(stack, policies, roles, tmp_path, role, sid, action):
    """Without the statement a run fails, and status says who may not do what, and where to allow it."""
    name = roles[stack.name, role].rpartition("/")[2]
    policy_name = stack.client("iam").list_role_policies(RoleName=name)["PolicyNames"][0]
    left = [one for one in policies[stack.name, role]["Statement"] if one["Sid"] != sid]
    dataset = f"without-{sid.lower()}"

    _put_policy(stack, name, policy_name, policies[stack.name, role] | {"Statement": left})
    try:
        done = stack.run("upload", str(write_dataset(tmp_path)), "--dataset", dataset, "--watch", check=False)
        page = " ".join(stack.run("status").stdout.split())
    finally:
        _put_policy(stack, name, policy_name, policies[stack.name, role])

    assert done.returncode == 1
    assert f"is not authorized to perform: {action} on resource: " in page
    assert f"no identity-based policy allows the {action} action" in page
    assert "template.yaml" in page


def _put_policy(stack: Any, role: str, name: str, document: dict[str, Any]) -> None:
    stack.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
