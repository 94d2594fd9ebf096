"""AWS's own managed policies: attached by their ARNs, and in force."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.callers import Caller, allowed

_POLICIES = "arn:aws:iam::aws:policy"


@pytest.mark.parametrize(
    "path",
    [
        "AmazonSageMakerFullAccess",
        "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AWSLambdaSQSQueueExecutionRole",
        "AmazonS3ReadOnlyAccess",
        "AWSStepFunctionsFullAccess",
        "CloudWatchLogsFullAccess",
    ],
)
def test_a_policy_of_aws_has_its_arn_and_a_document(aws: Callable[[str], Any], path: str) -> None:
    """The ARN has the path that AWS gives the policy.

    Source: AWS managed policy reference guide.
    """
    arn = f"{_POLICIES}/{path}"

    policy = aws("iam").get_policy(PolicyArn=arn)["Policy"]
    version = aws("iam").get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]

    assert (policy["PolicyName"], policy["Arn"]) == (path.rpartition("/")[2], arn)
    assert version["Document"]["Statement"]


def test_an_attached_policy_of_aws_allows_what_it_says(account: RunningAccount) -> None:
    """A role with AmazonS3ReadOnlyAccess lists buckets and makes none.

    Source: AWS managed policy reference guide, AmazonS3ReadOnlyAccess.
    """
    caller = Caller(account, allowed("sts:GetCallerIdentity"))
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.client("s3").list_buckets()

    account.client("iam").attach_role_policy(RoleName=caller.name, PolicyArn=f"{_POLICIES}/AmazonS3ReadOnlyAccess")

    caller.client("s3").list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.client("s3").create_bucket(Bucket=f"bucket-{uuid.uuid4().hex}")
    attached = account.client("iam").list_attached_role_policies(RoleName=caller.name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonS3ReadOnlyAccess"]


def test_a_policy_that_aws_has_not_is_not_found(account: RunningAccount) -> None:
    """A wrong path is a wrong ARN: AWSLambdaBasicExecutionRole is under service-role.

    Source: AWS managed policy reference guide, AWSLambdaBasicExecutionRole.
    """
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        account.client("iam").attach_role_policy(
            RoleName="tester", PolicyArn=f"{_POLICIES}/AWSLambdaBasicExecutionRole"
        )


def test_policies_are_listed_by_whose_they_are(aws: Callable[[str], Any]) -> None:
    """Scope AWS is AWS's alone, more than a thousand.

    Source: IAM API reference, ListPolicies.
    """
    pages = aws("iam").get_paginator("list_policies").paginate(Scope="AWS")
    arns = [policy["Arn"] for page in pages for policy in page["Policies"]]

    assert len(arns) > 1000
    assert f"{_POLICIES}/AmazonSageMakerFullAccess" in arns
    assert all(arn.startswith(_POLICIES) for arn in arns)


def test_a_boundary_of_aws_bounds(account: RunningAccount) -> None:
    """A permissions boundary may be a policy of AWS's too.

    Source: IAM user guide, "Permissions boundaries for IAM entities".
    """
    caller = Caller(account, allowed("*"))
    account.client("iam").put_role_permissions_boundary(
        RoleName=caller.name, PermissionsBoundary=f"{_POLICIES}/AmazonS3ReadOnlyAccess"
    )

    caller.client("s3").list_buckets()
    with pytest.raises(ClientError, match="no permissions boundary allows"):
        caller.client("sqs").create_queue(QueueName="q")


def test_a_sam_function_names_a_policy_of_aws(account: RunningAccount) -> None:
    """SAM takes the name without its ARN, and adds AWSLambdaBasicExecutionRole itself.

    Source: AWS SAM developer guide, AWS::Serverless::Function, Policies.
    """
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.11",
            "Handler": "index.handler",
            "InlineCode": "def handler(event, context): pass",
            "Policies": ["AmazonS3ReadOnlyAccess"],
        },
    }
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Function": function}}
    cloudformation, name = account.client("cloudformation"), f"policies-{uuid.uuid4().hex[:8]}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    role = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="FunctionRole")
    role_name = role["StackResourceDetail"]["PhysicalResourceId"]
    attached = account.client("iam").list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in attached} == {"AmazonS3ReadOnlyAccess", "AWSLambdaBasicExecutionRole"}
    cloudformation.delete_stack(StackName=name)
