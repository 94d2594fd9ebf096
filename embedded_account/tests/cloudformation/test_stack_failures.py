"""Tests of the states in which a stack needs help, and of the operations that get it out of them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def queue(seconds: int) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": seconds}}


def topic(display_name: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display_name}}


# An address that is none: the template is well formed, and the service refuses it.
BROKEN: dict[str, Any] = {
    "Type": "AWS::SNS::Subscription",
    "DependsOn": "Topic",
    "Properties": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:absent", "Protocol": "email", "Endpoint": "a@b.cc"},
}


def name_of(deployer: Any, topic_arn: str) -> str:
    attributes = deployer.aws("sns").get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    return str(attributes["DisplayName"])


def stuck(deployer: Any) -> None:
    """Bring a stack of a queue and a topic to UPDATE_ROLLBACK_FAILED: the queue is deleted by hand and then updated."""
    deployer.up({"Resources": {"Topic": topic("one"), "Queue": queue(30) | {"DependsOn": "Topic"}}})
    deployer.aws("sqs").delete_queue(QueueUrl=deployer.physical_id("Queue"))
    deployer.up({"Resources": {"Topic": topic("two"), "Queue": queue(60) | {"DependsOn": "Topic"}}})


def test_a_rollback_to_what_was_deleted_by_hand_fails(deployer: Any) -> None:
    """CloudFormation assumes that what it made still exists, so it can neither change it nor change it back.

    Source: CloudFormation API reference, ContinueUpdateRollback.
    """
    stuck(deployer)

    assert deployer.stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert "NotFound" in deployer.events("Queue")[-1]["ResourceStatusReason"]


def test_a_stuck_rollback_fails_again_until_it_is_skipped(deployer: Any) -> None:
    """Continued, it meets the same queue; with the queue skipped, all else is as before the update."""
    stuck(deployer)
    deployer.client.continue_update_rollback(StackName=deployer.name)
    assert deployer.wait() == "UPDATE_ROLLBACK_FAILED"

    deployer.client.continue_update_rollback(StackName=deployer.name, ResourcesToSkip=["Queue"])

    assert deployer.wait() == "UPDATE_ROLLBACK_COMPLETE"
    assert name_of(deployer, deployer.physical_id("Topic")) == "one"


def test_only_what_failed_can_be_skipped(deployer: Any) -> None:
    """A resource that rolled back well is none to skip."""
    stuck(deployer)

    with pytest.raises(ClientError, match="only resources in UPDATE_FAILED state"):
        deployer.client.continue_update_rollback(StackName=deployer.name, ResourcesToSkip=["Topic"])


def test_a_stuck_stack_can_be_deleted(deployer: Any) -> None:
    """What is gone already counts as deleted."""
    stuck(deployer)

    assert deployer.down() == "DELETE_COMPLETE"


def test_a_failed_update_may_be_left_and_rolled_back(deployer: Any) -> None:
    """With DisableRollback the stack stays UPDATE_FAILED; RollbackStack gives it its former values."""
    deployer.up({"Resources": {"Topic": topic("one")}})
    described = deployer.change_set({"Resources": {"Topic": topic("two"), "Broken": BROKEN}})
    deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"], DisableRollback=True)
    assert deployer.wait() == "UPDATE_FAILED"
    arn = deployer.physical_id("Topic")
    assert name_of(deployer, arn) == "two"

    deployer.client.rollback_stack(StackName=deployer.name)

    assert deployer.wait() == "UPDATE_ROLLBACK_COMPLETE"
    assert name_of(deployer, arn) == "one"
    assert deployer.up({"Resources": {"Topic": topic("three")}}) == "UPDATE_COMPLETE"


def test_a_failed_creation_that_was_left_is_rolled_back(deployer: Any) -> None:
    """A stack that was never stable is deleted by RollbackStack.

    Source: CloudFormation API reference, RollbackStack.
    """
    described = deployer.change_set({"Resources": {"Topic": topic("one"), "Broken": BROKEN}})
    deployer.stack_id = described["StackId"]
    deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"], DisableRollback=True)
    assert deployer.wait() == "CREATE_FAILED"

    deployer.client.rollback_stack(StackName=deployer.name)

    assert deployer.wait() == "DELETE_COMPLETE"


def test_a_stack_is_deleted_by_force_and_what_fails_stays(deployer: Any) -> None:
    """A full bucket keeps the stack DELETE_FAILED; FORCE_DELETE_STACK lets the stack go and the bucket stay."""
    deployer.up({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})
    bucket = deployer.physical_id("Bucket")
    deployer.aws("s3").put_object(Bucket=bucket, Key="a", Body=b"a")
    with pytest.raises(ClientError, match="only valid for a stack in DELETE_FAILED state"):
        deployer.down(DeletionMode="FORCE_DELETE_STACK")
    assert deployer.down() == "DELETE_FAILED"

    assert deployer.down(DeletionMode="FORCE_DELETE_STACK") == "DELETE_COMPLETE"

    assert deployer.aws("s3").head_bucket(Bucket=bucket)


def test_a_protected_stack_is_not_deleted(deployer: Any) -> None:
    """Termination protection is shown, keeps the stack, and can be taken off."""
    deployer.up({"Resources": {"Topic": topic("one")}})
    protect = deployer.client.update_termination_protection
    protect(StackName=deployer.name, EnableTerminationProtection=True)
    assert deployer.stack["EnableTerminationProtection"] is True

    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        deployer.down()

    protect(StackName=deployer.name, EnableTerminationProtection=False)
    assert deployer.down() == "DELETE_COMPLETE"


@pytest.mark.parametrize("operation", ["continue_update_rollback", "rollback_stack"])
def test_a_stack_that_is_well_is_not_rolled_back(deployer: Any, operation: str) -> None:
    """Both operations are for the states that they name."""
    deployer.up({"Resources": {"Topic": topic("one")}})

    with pytest.raises(ClientError, match="is in CREATE_COMPLETE state"):
        getattr(deployer.client, operation)(StackName=deployer.name)
