"""The model registry: groups, versions, approval."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import BUCKET, IMAGE, ROLE_ARN, archive
from support.queues import messages, new_queue

Aws = Callable[[str], Any]


@pytest.fixture
def group(aws: Aws) -> str:
    """Give an empty model package group."""
    name = f"group-{uuid.uuid4().hex[:8]}"
    aws("sagemaker").create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="flowers")
    return name


def test_group_describes_itself(aws: Aws, group: str) -> None:
    """A group is complete at once, and its name is taken.

    Source: SageMaker API reference, CreateModelPackageGroup.
    """
    description = aws("sagemaker").describe_model_package_group(ModelPackageGroupName=group)

    assert description["ModelPackageGroupStatus"] == "Completed"
    assert description["ModelPackageGroupDescription"] == "flowers"
    assert description["ModelPackageGroupArn"].endswith(f":model-package-group/{group}")
    with pytest.raises(ClientError, match="Model Package Group already exists"):
        aws("sagemaker").create_model_package_group(ModelPackageGroupName=group)


def test_packages_are_numbered_within_their_group(aws: Aws, group: str) -> None:
    """Versions count up from 1, and the number of a deleted one is not given again.

    Source: SageMaker API reference, CreateModelPackage.
    """
    first, second = _package(aws, group), _package(aws, group)
    aws("sagemaker").delete_model_package(ModelPackageName=second)

    third = _package(aws, group)

    assert [arn.rpartition("/")[2] for arn in (first, second, third)] == ["1", "2", "3"]
    listed = aws("sagemaker").list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [package["ModelPackageVersion"] for package in listed] == [1, 3]


def test_repeated_client_token_makes_one_package(aws: Aws, group: str) -> None:
    """A retried request answers with the package that its first try made.

    Source: SageMaker API reference, CreateModelPackage.
    """
    token = uuid.uuid4().hex

    assert _package(aws, group, ClientToken=token) == _package(aws, group, ClientToken=token)


def test_approval_is_given_and_found(aws: Aws, group: str) -> None:
    """A package waits for approval until somebody gives it.

    Source: SageMaker developer guide, "Update the Approval Status of a Model".
    """
    arn = _package(aws, group)
    assert (
        aws("sagemaker").describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    )

    aws("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="accurate"
    )

    (approved,) = aws("sagemaker").list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")[
        "ModelPackageSummaryList"
    ]
    assert approved["ModelPackageArn"] == arn
    assert aws("sagemaker").describe_model_package(ModelPackageName=arn)["ApprovalDescription"] == "accurate"


def test_each_change_of_approval_is_an_event(account: RunningAccount, aws: Aws, group: str) -> None:
    """It names the group, the version and its status of now, with what was changed; another's word is told as well.

    Source: SageMaker developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
    """
    queue, events = new_queue(account), aws("events")
    rule = queue.arn.rpartition(":")[2]
    pattern = {
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved", "Rejected"]},
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": queue.arn}])

    arn = _package(aws, group)
    for status in ("Approved", "PendingManualApproval", "Rejected"):
        aws("sagemaker").update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=f"{status} by ann"
        )

    heard = [json.loads(body) for body in messages(account, queue, at_least=2)]
    events.disable_rule(Name=rule)
    details = sorted((event["detail"] for event in heard), key=lambda detail: detail["ModelApprovalStatus"])
    assert [detail["ModelApprovalStatus"] for detail in details] == ["Approved", "Rejected"]
    assert [event["resources"] for event in heard] == [[arn], [arn]]
    assert details[0]["ModelPackageArn"] == arn
    assert details[0]["ApprovalDescription"] == "Approved by ann"
    assert details[0]["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", details[0]["CreationTime"])


def test_group_with_packages_is_not_deleted(aws: Aws, group: str) -> None:
    """A group goes only when it is empty.

    Source: SageMaker API reference, DeleteModelPackageGroup.
    """
    arn = _package(aws, group)

    with pytest.raises(ClientError, match="still contains Model Packages"):
        aws("sagemaker").delete_model_package_group(ModelPackageGroupName=group)
    aws("sagemaker").delete_model_package(ModelPackageName=arn)
    aws("sagemaker").delete_model_package_group(ModelPackageGroupName=group)

    with pytest.raises(ClientError, match="does not exist"):
        aws("sagemaker").describe_model_package_group(ModelPackageGroupName=group)


def test_model_of_a_package_needs_its_approval(aws: Aws, group: str) -> None:
    """CreateModel takes image and data from an approved package, and refuses another.

    Source: SageMaker developer guide, "Update the Approval Status of a Model".
    """
    arn, name = _package(aws, group), f"model-{uuid.uuid4().hex[:8]}"
    request = {"ModelName": name, "ExecutionRoleArn": ROLE_ARN, "PrimaryContainer": {"ModelPackageName": arn}}

    with pytest.raises(ClientError, match="PendingManualApproval"):
        aws("sagemaker").create_model(**request)
    aws("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    aws("sagemaker").create_model(**request)

    container = aws("sagemaker").describe_model(ModelName=name)["PrimaryContainer"]
    assert container["ModelPackageName"] == arn
    aws("sagemaker").delete_model(ModelName=name)


def test_unknown_package_is_named(aws: Aws, group: str) -> None:
    """The error carries the ARN asked for.

    Source: SageMaker API reference, DescribeModelPackage.
    """
    with pytest.raises(ClientError, match=f"model-package/{group}/7 does not exist"):
        aws("sagemaker").describe_model_package(ModelPackageName=f"{group}/7")


def _package(aws: Aws, group: str, **members: Any) -> str:
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("s3").put_object(Bucket=BUCKET, Key="packaged/model.tar.gz", Body=archive("packaged"))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/packaged/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["image/jpeg"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    answer = aws("sagemaker").create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=specification, **members
    )
    return str(answer["ModelPackageArn"])
