"""up and down from the states that a stack can really get into, in the embedded account."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.errors import StackError
from ops.packaging import bundle
from ops.session import Session
from ops.stack import deployment, presence, recovery, stacks, teardown
from ops.stack.stacks import Stack

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Colour: {Type: String, Default: red}
  TrainingSourceS3Uri: {Type: String, Default: ""}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Tags: [{Key: colour, Value: !Ref Colour}]
  Topic:
    Type: AWS::SNS::Topic
    DependsOn: Queue
    Properties: {DisplayName: !Ref Colour}
  ModelPackageGroup:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties: {ModelPackageGroupName: !Ref AWS::StackName}
  StartExecutionFunction:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub ${AWS::StackName}-start-execution
      Handler: index.handler
      Runtime: python3.11
      Role: !Sub arn:aws:iam::${AWS::AccountId}:role/tester
      Code: {ZipFile: "def handler(event, context): return {}"}
Outputs:
  QueueUrl: {Value: !Ref Queue}
  StartExecutionFunctionName: {Value: !Ref StartExecutionFunction}
  ModelPackageGroupName: {Value: !Ref AWS::StackName}
"""
BUCKET = "  Bucket: {Type: AWS::S3::Bucket}\n  ModelPackageGroup:"

Up = Callable[..., Stack]


@pytest.fixture
def write(repository: Path) -> Callable[[str], None]:
    """Give a writer of the repository's template."""
    (repository / "template.yaml").write_text(TEMPLATE)

    def write(text: str) -> None:
        (repository / "template.yaml").write_text(text)

    return write


@pytest.fixture
def up(local_session: Session, repository: Path, write: Callable[[str], None]) -> Up:
    """Give what `deploy.py up` does with the repository's template."""

    def up(confirm: Any = None, **given: str) -> Stack:
        made = bundle.build(for_this_machine=True, root=repository)
        merged = deployment.merged_parameters(local_session, made, given)
        return deployment.up(local_session, made, merged, confirm)

    return up


def _say(_text: str) -> None:
    """Keep silent."""


def _add_package(session: Session) -> None:
    container: Any = {
        "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1",
        "ModelDataUrl": "s3://a/model.tar.gz",
    }
    session.sagemaker.create_model_package(
        ModelPackageGroupName=session.stack_name,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )


def _delete_with_the_aws_cli(session: Session) -> str:
    """Delete the stack as `aws cloudformation delete-stack` does; return the status that it ends in."""
    current = stacks.find(session)
    assert current is not None
    session.cloudformation.delete_stack(StackName=session.stack_name)
    stacks.wait_while_busy(session, Stack(current.stack_id, "DELETE_IN_PROGRESS", {}, {}))
    left = stacks.find(session)
    return left.status if left else ""


def test_up_and_down_get_out_of_delete_failed(local_session: Session, up: Up) -> None:
    """A group with models in it keeps a stack that was deleted with the AWS CLI; half of its resources are gone."""
    up()
    _add_package(local_session)
    assert _delete_with_the_aws_cli(local_session) == "DELETE_FAILED"

    assert up().status == "CREATE_COMPLETE"

    _add_package(local_session)
    assert _delete_with_the_aws_cli(local_session) == "DELETE_FAILED"
    teardown.down(local_session, _say)
    assert stacks.find(local_session) is None


def test_a_no_leaves_a_stack_that_is_half_deleted(local_session: Session, up: Up) -> None:
    """`up` asks before it deletes what is left of it, since the endpoint and the models go too."""
    up()
    _add_package(local_session)
    _delete_with_the_aws_cli(local_session)
    questions: list[str] = []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    with pytest.raises(StackError, match="not confirmed: nothing was deleted"):
        up(confirm=no)

    assert "is DELETE_FAILED: it can only be deleted" in questions[0]
    assert stacks.deployed(local_session).status == "DELETE_FAILED"


def test_up_gets_out_of_a_rollback_that_fails(
    local_session: Session, up: Up, capsys: pytest.CaptureFixture[str]
) -> None:
    """A queue that was deleted by hand and then changed fails both ways; it is passed over, then made anew."""
    url = up().outputs["QueueUrl"]
    local_session.client("sqs").delete_queue(QueueUrl=url)
    with pytest.raises(StackError, match="ended UPDATE_ROLLBACK_FAILED: Queue"):
        _change_with_the_aws_cli(local_session, Colour="blue")

    ready = up(Colour="green")

    assert ready.status == "UPDATE_COMPLETE"
    told = capsys.readouterr().err
    assert f"deleted by hand: Queue (AWS::SQS::Queue {url})" in told
    assert local_session.client("sqs").get_queue_attributes(QueueUrl=ready.outputs["QueueUrl"])
    assert "passing over what cannot be rolled back: Queue" in told


def test_up_notices_what_was_deleted_by_hand(
    local_session: Session, up: Up, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any change of the template, the topic is named and made anew; nothing is missing then."""
    current = up()
    (arn,) = [
        entry["PhysicalResourceId"]
        for entry in stacks.resources(local_session, current)
        if entry["LogicalResourceId"] == "Topic"
    ]
    local_session.client("sns").delete_topic(TopicArn=arn)

    assert up().status == "UPDATE_COMPLETE"

    told = capsys.readouterr()
    assert f"deleted by hand: Topic (AWS::SNS::Topic {arn})" in told.err
    assert "Add\tTopic" in told.out
    assert presence.missing(local_session, stacks.deployed(local_session)) == []


def test_what_cloudformation_does_not_repair_is_named(
    local_session: Session, up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should a change set not make anew what is gone, `up` does not call the stack up to date."""
    up()
    gone = presence.Resource("Queue", "AWS::SQS::Queue", "http://queue", {})
    monkeypatch.setattr(presence, "missing", lambda *_: [gone])

    with pytest.raises(StackError, match=r"does not make it anew: Queue \(AWS::SQS::Queue http://queue\); run"):
        up()


def test_up_rolls_back_an_update_that_was_left_failed(local_session: Session, up: Up) -> None:
    """An update with rollback switched off stays UPDATE_FAILED; `up` rolls it back and goes on."""
    url = up().outputs["QueueUrl"]
    local_session.client("sqs").delete_queue(QueueUrl=url)
    with pytest.raises(StackError, match="ended UPDATE_FAILED"):
        _change_with_the_aws_cli(local_session, rollback=False, Colour="blue")

    ready = recovery.make_changeable(local_session, None)

    assert ready is not None
    assert ready.status == "UPDATE_ROLLBACK_COMPLETE"


def test_up_takes_over_a_stack_in_review(local_session: Session, up: Up) -> None:
    """A change set that somebody made and never carried out is no obstacle."""
    local_session.cloudformation.create_change_set(
        StackName=local_session.stack_name,
        ChangeSetName="never",
        ChangeSetType="CREATE",
        TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}',
    )

    assert up().status == "CREATE_COMPLETE"


def test_up_waits_for_the_end_of_anothers_change(
    local_session: Session, up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who deletes the stack at the same time is waited for, and that is said; then it is created anew."""
    first = up()
    told: list[str] = []
    is_told = threading.Event()
    busy = Stack(first.stack_id, "DELETE_IN_PROGRESS", first.outputs, first.parameters)

    def hear(text: str) -> None:
        told.append(text)
        is_told.set()

    monkeypatch.setattr(stacks, "say", hear)
    find = stacks.find
    monkeypatch.setattr(stacks, "find", lambda session: find(session) if is_told.is_set() else busy)
    local_session.cloudformation.delete_stack(StackName=local_session.stack_name)

    assert up().status == "CREATE_COMPLETE"

    assert "is DELETE_IN_PROGRESS, somebody else changes it; waiting for the end" in told[0]


def test_waiting_for_another_has_an_end(local_session: Session, up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that never ends is told, with what to do."""
    current = up()
    monkeypatch.setattr(stacks, "change_seconds", lambda _session: 0.0)

    with pytest.raises(StackError, match=r"still CREATE_COMPLETE after 0 s; it goes on; run the command again later"):
        stacks.wait_while_busy(local_session, Stack(current.stack_id, "UPDATE_IN_PROGRESS", {}, {}))


def test_up_lifts_what_an_interrupted_down_has_stopped(
    local_session: Session, up: Up, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the stack is about to be deleted: no execution starts, `up` allows it again, `down` goes on."""
    function = up().outputs["StartExecutionFunctionName"]
    told = _interrupted_down(local_session, monkeypatch)
    assert "`deploy.py down --stack-name" in told[-1]
    assert _reserved(local_session, function) == 0

    up()

    assert _reserved(local_session, function) is None
    assert "executions may start again" in capsys.readouterr().err
    teardown.down(local_session, _say)
    assert stacks.find(local_session) is None


def test_a_second_down_goes_on_where_the_first_stopped(
    local_session: Session, up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first one has removed already is no error."""
    up()
    _interrupted_down(local_session, monkeypatch)

    teardown.down(local_session, _say)

    assert stacks.find(local_session) is None


def test_what_cannot_be_deleted_is_named_and_left_by_force(
    local_session: Session, up: Up, write: Callable[[str], None]
) -> None:
    """A bucket that somebody filled keeps the stack, by name; --force lets the stack go without it."""
    write(TEMPLATE.replace("  ModelPackageGroup:", BUCKET, 1))
    up()
    current = stacks.deployed(local_session)
    (bucket,) = [
        entry["PhysicalResourceId"]
        for entry in stacks.resources(local_session, current)
        if entry["LogicalResourceId"] == "Bucket"
    ]
    local_session.s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    with pytest.raises(StackError, match=rf"Not deleted: Bucket \({bucket}\);.*`deploy\.py down --force"):
        teardown.down(local_session, _say)
    told: list[str] = []

    teardown.down(local_session, told.append, is_forced=True)

    assert stacks.find(local_session) is None
    assert f"left behind, delete by hand what you do not need: Bucket ({bucket})" in told


def test_a_protected_stack_is_left_whole(local_session: Session, up: Up) -> None:
    """Nothing is stopped or removed before it is known that the stack may go."""
    function = up().outputs["StartExecutionFunctionName"]
    protect = local_session.cloudformation.update_termination_protection
    protect(StackName=local_session.stack_name, EnableTerminationProtection=True)

    with pytest.raises(StackError, match=r"protected against deletion; .*--no-enable-termination-protection"):
        teardown.down(local_session, _say)

    assert _reserved(local_session, function) is None


def _change_with_the_aws_cli(session: Session, *, rollback: bool = True, **values: str) -> None:
    """Update the stack's parameters as a person may with the AWS CLI, and wait for the end."""
    current = stacks.deployed(session)
    kept: list[Any] = [{"ParameterKey": "TrainingSourceS3Uri", "UsePreviousValue": True}]
    made = session.cloudformation.create_change_set(
        StackName=session.stack_name,
        ChangeSetName="by-hand",
        UsePreviousTemplate=True,
        Parameters=kept + [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    session.cloudformation.execute_change_set(ChangeSetName=made["Id"], DisableRollback=not rollback)
    stacks.follow(session, current.stack_id, set(), on_event=None)


def _reserved(session: Session, function: str) -> int | None:
    return session.functions.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")


def _interrupted_down(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run `down` and press Ctrl-C when it is about to delete the stack; return what it has told."""
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(stacks, "delete", _press_ctrl_c)
        with pytest.raises(KeyboardInterrupt, match="pressed"):
            teardown.down(session, told.append)
    return told


def _press_ctrl_c(*_: object, **__: object) -> None:
    raise KeyboardInterrupt("pressed")
