"""Who may do what in template.yaml: roles, their statements, and the page that lists them."""

import json
import re
from typing import Any

from ops.session import REPOSITORY
from ops.stack.permissions_page import WHY, page
from ops.stack.permissions_page import statements as statements_of
from tests.template_resources import Resource, listed, of_type, statements

# Actions that AWS lets nobody narrow to a resource.
# Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
WITHOUT_RESOURCE = {
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricData",
    "cloudwatch:GetMetricData",
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def test_no_action_is_a_wildcard(resources: dict[str, Resource]) -> None:
    """Every action is written out, and allowed for named resources wherever AWS knows any."""
    for role, statement in statements(resources):
        assert statement["Effect"] == "Allow", role
        for action in listed(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z]+", action), f"{role}: {action}"
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= WITHOUT_RESOURCE, f"{role}: {statement['Sid']}"
        assert "NotAction" not in statement
        assert "NotResource" not in statement


def test_pass_role_is_bound_to_one_role_and_one_service(resources: dict[str, Resource]) -> None:
    """Only the five functions that start SageMaker's work pass a role, each the one that its work runs as."""
    passing = {role: s for role, s in statements(resources) if "iam:PassRole" in listed(s["Action"])}

    assert set(passing) == {
        "UnpackArchiveRole", "ComputeFeaturesRole", "StartTuningJobRole", "StartTrainingJobRole", "DeployEndpointRole",
    }  # fmt: skip
    for role, statement in passing.items():
        assert statement["Action"] == "iam:PassRole", role
        passed = "UnpackingRole" if role == "UnpackArchiveRole" else "SageMakerRole"
        assert statement["Resource"] == {"Fn::GetAtt": [passed, "Arn"]}, role
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, role


def test_each_role_is_assumed_by_one_service(resources: dict[str, Resource]) -> None:
    """Trust goes to Lambda, Step Functions, the Scheduler or SageMaker, never to an account."""
    services = {"lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com", "sagemaker.amazonaws.com"}

    for name, role in of_type(resources, "AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"]["Service"] in services, name
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, name
        # Lambda states no source when it assumes a role; the others do.
        assert ("ArnLike" in statement["Condition"]) == (statement["Principal"]["Service"] != "lambda.amazonaws.com"), (
            name
        )
        assert "ManagedPolicyArns" not in role, name


_CHANGING = re.compile(r"sagemaker:(AddTags|Create|Stop|Delete|Update)\w*")
_OWN = {"Ref": "AWS::StackName"}


def test_nothing_of_another_stack_is_made_stopped_or_deleted(resources: dict[str, Resource]) -> None:
    """Each change at SageMaker is bound by name, or by the stack's tag on request or resource."""
    unbound = []
    for role, statement in statements(resources):
        changes = [action for action in listed(statement["Action"]) if _CHANGING.fullmatch(action)]
        tags = statement.get("Condition", {}).get("StringEquals", {})
        of_stack = {key for key, value in tags.items() if key.endswith("Tag/retriever:Stack") and value == _OWN}
        spans = [
            one for one in map(json.dumps, listed(statement["Resource"])) if re.search(r'AccountId}:[\w-]+/\*"', one)
        ]
        if changes and spans and not of_stack:
            unbound.append((role, statement["Sid"]))

    # A config is deployed in the second after it was made, when AWS may not see its tags yet; the endpoint is by name.
    assert unbound == [
        ("DeployEndpointRole", "Deploy"), ("CheckEndpointRole", "SetBack"),
        ("ReportOutcomeRole", "SetBack"), ("ResumeExecutionRole", "SetBackAnUncheckedModel"),
        ("StandbyRole", "BringBack"),
    ]  # fmt: skip


def test_the_prediction_role_reads_one_prefix_alone(resources: dict[str, Resource]) -> None:
    """Of the data bucket nothing else: neither models, nor features, nor what a run left."""
    reads = [s for role, s in statements(resources) if role == "PredictRole" and s["Action"] == "s3:GetObject"]

    assert reads[0]["Resource"] == {"Fn::Sub": "${DataBucket.Arn}/${PredictPrefix}*"}
    assert len(reads) == 2  # and the AllowedBuckets, where there are any


def test_the_page_of_permissions_is_what_the_template_says(template: dict[str, Any]) -> None:
    """Role, action, resource, condition and reason of every statement; and no reason is left over."""
    written = (REPOSITORY / "docs" / "permissions.md").read_text(encoding="utf-8")

    assert written == page(template), "python -m ops.stack.permissions_page > docs/permissions.md"
    present = {(role, statement["Sid"]) for role, statement in statements_of(template)}
    spoken = {f"{role}.{sid}" for role, sid in present} | {sid for _, sid in present}
    assert set(WHY) <= spoken


def test_the_prediction_role_only_reads_images_and_asks(resources: dict[str, Resource]) -> None:
    """Whatever a caller makes of the prediction function, it writes nothing but logs, and wakes what is away."""
    actions = {a for role, s in statements(resources) if role == "PredictRole" for a in listed(s["Action"])}

    assert actions == {
        "sagemaker:InvokeEndpoint", "s3:GetObject", "lambda:InvokeFunction", "logs:CreateLogStream",
        "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    }  # fmt: skip
