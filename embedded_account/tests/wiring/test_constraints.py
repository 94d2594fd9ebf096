"""Requests checked against the models of their services."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.data_files import service_model
from embedded_account.errors import ServiceError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.wiring.constraints import check

_REQUEST = {
    "TrainingJobName": "job",
    "RoleArn": "arn:aws:iam::123456789012:role/job",
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "HyperParameters": {"lr": "0.1"},
}


def test_request_that_meets_the_model_passes() -> None:
    """Nothing is raised."""
    check("sagemaker", "CreateTrainingJob", _REQUEST)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"TrainingJobName": "a b"},
            "1 validation error detected: Value 'a b' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern",
        ),
        ({"TrainingJobName": ""}, "length greater than or equal to 1"),
        ({"RoleArn": None}, "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"),
        ({"HyperParameters": {"lr": "x" * 2501}}, "'hyperParameters.lr.member'"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "'stoppingCondition.maxRuntimeInSeconds'"),
        ({"ResourceConfig": {"InstanceType": "ml.none"}}, "enum value set"),
        ({"TrainingJobName": "a b", "RoleArn": "x"}, "3 validation errors detected"),
    ],
)
def test_problem_is_worded_as_sagemaker_words_it(changes: dict[str, Any], words: str) -> None:
    """The member, its value and the constraint are named.

    Source: SageMaker API reference, "Common errors", ValidationError.
    """
    with pytest.raises(ServiceError, match=re.escape(words)) as caught:
        check("sagemaker", "CreateTrainingJob", _REQUEST | changes)

    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("datasets/cats_and-dogs:1 = a+b @x.y", True),
        ("日本 é \U0001d4b3 ٣\u00a0", True),
        ("cats & dogs", False),
        ("cats → dogs", False),
        ("\U0001f431", False),
        ("two\nlines", False),
        ("e\u0301", False),
    ],
)
@pytest.mark.parametrize("member", ["Tags", "CustomerMetadataProperties"])
def test_characters_of_tags_and_metadata_are_checked(member: str, value: str, passes: bool) -> None:
    """Letters, numbers and spaces of any script, and _ . : / = + - @; nothing else.

    Source: botocore's model of SageMaker, TagValue and CustomerMetadataValue.
    """
    given: Any = [{"Key": "k", "Value": value}] if member == "Tags" else {"k": value}

    if passes:
        check("sagemaker", "CreateModelPackage", {member: given})
    else:
        with pytest.raises(ServiceError, match="Member must satisfy regular expression pattern"):
            check("sagemaker", "CreateModelPackage", {member: given})


@pytest.mark.parametrize("service", ["sagemaker", "application-autoscaling"])
def test_every_operation_asks_for_what_it_requires(service: str) -> None:
    """What an operation requires is asked for, whichever it is.

    Source: SageMaker API reference, "Common errors", ValidationError.
    """
    for name in service_model(service).operation_names:
        shape = service_model(service).operation_model(name).input_shape
        if shape is not None and shape.required_members:
            with pytest.raises(ServiceError, match="must not be null"):
                check(service, name, {})
        else:
            check(service, name, {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ServiceNamespace": "foo"}, "Value 'foo' at 'serviceNamespace' failed to satisfy constraint: Member must sa"),
        ({"ScalableDimension": "foo", "ServiceNamespace": "bar"}, "2 validation errors detected"),
        ({"PolicyName": "caf\u00e9"}, "at 'policyName' failed to satisfy constraint: Member must satisfy regular"),
        ({"ResourceId": "a\u0001"}, "at 'resourceId' failed to satisfy constraint: Member must satisfy regular"),
    ],
)
def test_problem_of_another_service_is_worded_alike(changes: dict[str, str], words: str) -> None:
    """Namespaces, dimensions and texts of Application Auto Scaling are those of its model.

    Source: botocore's model of Application Auto Scaling.
    """
    target = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    request = target | {"ResourceId": "endpoint/e/variant/\U0001f431", "PolicyName": "a policy"}
    check("application-autoscaling", "PutScalingPolicy", request)

    with pytest.raises(ServiceError, match=re.escape(words)):
        check("application-autoscaling", "PutScalingPolicy", request | changes)


def test_problem_of_logs_leaves_the_value_out() -> None:
    """In the words of AWS's answer to the ARN of a group that DescribeLogGroups lists, which ends with an asterisk."""
    words = "1 validation error detected: Value at 'logGroupIdentifier' failed to satisfy constraint: Member"

    with pytest.raises(ServiceError, match=re.escape(words)):
        check("logs", "DescribeLogStreams", {"logGroupIdentifier": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"})


@pytest.mark.account
@pytest.mark.parametrize(
    ("service", "method", "given", "words"),
    [
        (
            "iam",
            "create_role",
            {"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"},
            "(ValidationError).*'roleName' failed to satisfy constraint: Member must have length less than",
        ),
        ("iam", "list_roles", {"Marker": "\u20ac"}, "(ValidationError).*'marker' failed to satisfy constraint"),
        ("logs", "create_log_group", {"logGroupName": "a b"}, "(InvalidParameterException).*'logGroupName' failed"),
        ("events", "put_rule", {"Name": "a b", "State": "ON"}, "(ValidationException).*2 validation errors detected"),
        ("ssm", "put_parameter", {"Name": "a", "Value": "b", "Type": "Text"}, "(ValidationException).*'type' failed"),
    ],
)
def test_request_that_does_not_meet_its_model_is_refused(
    account: RunningAccount, service: str, method: str, given: dict[str, Any], words: str
) -> None:
    """Each service has its own name for it. Source: "Common errors" of each API reference."""
    with pytest.raises(ClientError, match=words.replace("(", r"\(").replace(")", r"\)")):
        getattr(account.client(service), method)(**given)
