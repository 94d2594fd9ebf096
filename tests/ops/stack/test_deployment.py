"""up and plan against the embedded account: what is shown, asked, made, and left behind."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from embedded_account import Faults
from ops.errors import StackError
from ops.packaging import bundle
from ops.packaging.bundle import Bundle
from ops.session import Session
from ops.stack import artifacts, deployment, stacks, teardown
from ops.stack.deployment import Confirm
from ops.stack.stacks import Stack

BROKEN_RESOURCE = """
  Broken:
    Type: AWS::S3::BucketPolicy
    DependsOn: Queue
    Properties:
      Bucket: no-such-bucket-of-this-account
      PolicyDocument: {Version: "2012-10-17", Statement: []}
"""


@pytest.fixture
def made(repository: Path) -> Bundle:
    """Give the bundle of a stack with one queue."""
    return bundle.build(for_this_machine=True, root=repository)


def up(session: Session, made: Bundle, given: dict[str, str], confirm: Confirm | None) -> Stack:
    """Create or update the stack as `deploy.py up` does."""
    return deployment.up(session, made, deployment.merged_parameters(session, made, given), confirm)


def plan(session: Session, made: Bundle, given: dict[str, str]) -> bool:
    """Plan as `deploy.py plan` does."""
    return deployment.plan(session, made, deployment.merged_parameters(session, made, given))


def _left_in_bucket(session: Session) -> list[str]:
    """Return the keys of the artifacts bucket, which must exist."""
    listed = session.s3.list_object_versions(Bucket=artifacts.bucket_name(session))
    return [entry["Key"] for entry in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]]


def test_up_creates_the_stack(local_session: Session, made: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    """After a yes the stack exists with its outputs, and the plan was printed before."""
    questions: list[str] = []

    def yes(question: str) -> bool:
        questions.append(question)
        return True

    stack = up(local_session, made, {}, yes)

    assert stack.outputs["QueueUrl"]
    assert questions == [f"Carry this out in account {local_session.account_id}, us-east-1?"]
    assert "Add\tQueue\tAWS::SQS::Queue" in capsys.readouterr().out


def test_up_without_a_yes_leaves_nothing(local_session: Session, made: Bundle) -> None:
    """No stack, no change set, no code; only the empty bucket stays, since S3 would hold its name for hours."""
    with pytest.raises(StackError, match="not confirmed: nothing was created"):
        up(local_session, made, {}, lambda _question: False)

    assert stacks.find(local_session) is None
    assert _left_in_bucket(local_session) == []


def test_plan_leaves_nothing(local_session: Session, made: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan of a new stack is shown and undone."""
    assert plan(local_session, made, {}) is True

    assert "Queue" in capsys.readouterr().out
    assert stacks.find(local_session) is None
    assert _left_in_bucket(local_session) == []


def test_the_bucket_that_a_plan_left_serves_up(local_session: Session, made: Bundle) -> None:
    """The bucket of a plan that was not carried out is taken up again; no other is made."""
    plan(local_session, made, {})

    assert up(local_session, made, {}, None).status == "CREATE_COMPLETE"


def test_an_empty_bucket_alone_is_nothing_to_remove(local_session: Session, made: Bundle) -> None:
    """After `down` a second one finds nothing, though the bucket is there."""
    plan(local_session, made, {})

    with pytest.raises(StackError, match="there is nothing to remove"):
        teardown.down(local_session, lambda _text: None)


def test_a_bucket_name_that_is_being_deleted_is_waited_for(
    local_session: Session, made: Bundle, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    """S3 answers OperationAborted while it deletes a bucket of that name; it is said, and tried again.

    Source: Amazon S3 API reference, "Error responses", OperationAborted.
    """
    faults.add("error", service="s3", operation="CreateBucket", code="OperationAborted", status=409, count=2)

    up(local_session, made, {}, None)

    assert "S3 is still busy with a bucket of this name" in capsys.readouterr().err


def test_a_bucket_name_that_stays_busy_is_an_error_in_words(
    local_session: Session, made: Bundle, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take S3 hours: the person is told, and what to do."""
    monkeypatch.setattr(artifacts, "_BUSY_SECONDS", 0.5)
    faults.add("error", service="s3", operation="CreateBucket", code="OperationAborted", status=409, count=1000)

    with pytest.raises(StackError, match=r"OperationAborted.*run the command again later, or use another --stack-name"):
        up(local_session, made, {}, None)

    assert stacks.find(local_session) is None


def test_objects_that_cannot_be_deleted_are_named(
    local_session: Session, made: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 answers 200 and lists what it has not deleted.

    Source: Amazon S3 API reference, DeleteObjects.
    """
    up(local_session, made, {}, None)
    failed = {"Errors": [{"Key": "templates/1.yaml", "Code": "AccessDenied"}]}
    monkeypatch.setattr(local_session.s3, "delete_objects", lambda **_: failed)

    with pytest.raises(StackError, match=r"templates/1\.yaml \(AccessDenied\)"):
        artifacts.empty(local_session, artifacts.bucket_name(local_session))


def test_refused_update_leaves_the_stack_and_its_code(local_session: Session, made: Bundle, repository: Path) -> None:
    """Objects that only the refused plan needed are gone, those of the running stack stay."""
    up(local_session, made, {}, None)
    bucket = artifacts.bucket_name(local_session)
    before = {entry["Key"] for entry in local_session.s3.list_objects_v2(Bucket=bucket)["Contents"]}
    (repository / "handlers" / "new.py").write_text("x = 1\n")

    with pytest.raises(StackError, match="not confirmed"):
        up(
            local_session,
            bundle.build(for_this_machine=True, root=repository),
            {"Colour": "blue"},
            lambda _question: False,
        )

    assert {entry["Key"] for entry in local_session.s3.list_objects_v2(Bucket=bucket)["Contents"]} == before
    stack = stacks.find(local_session)
    assert stack is not None
    assert stack.parameters["Colour"] == "red"


def test_artifacts_bucket_is_private_encrypted_and_tls_only(local_session: Session, made: Bundle) -> None:
    """The bucket that holds the code is closed in every way there is."""
    up(local_session, made, {}, None)
    bucket = artifacts.bucket_name(local_session)

    block = local_session.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    rules = local_session.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    policy = local_session.s3.get_bucket_policy(Bucket=bucket)["Policy"]

    assert all(block.values())
    assert len(block) == 4
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert '"aws:SecureTransport": "false"' in policy


def test_failed_creation_is_deleted_first(
    local_session: Session, made: Bundle, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack in ROLLBACK_COMPLETE can only be deleted; up says so, does it, and goes on."""
    good = (repository / "template.yaml").read_text()
    (repository / "template.yaml").write_text(good + BROKEN_RESOURCE)
    with pytest.raises(
        StackError, match=r"ended ROLLBACK_COMPLETE: Broken \(AWS::S3::BucketPolicy\): .*bucket does not exist"
    ):
        up(local_session, bundle.build(for_this_machine=True, root=repository), {}, None)
    with pytest.raises(StackError, match=r"would first delete it, so there is nothing to compare with"):
        plan(local_session, made, {})

    stack = up(local_session, made, {}, None)

    assert stack.status == "CREATE_COMPLETE"
    assert "its creation failed, so it is deleted first" in capsys.readouterr().err


def test_up_says_when_nothing_changes(local_session: Session, made: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time there is nothing to do, and nobody is asked."""
    up(local_session, made, {}, None)

    up(local_session, made, {}, lambda _question: pytest.fail("asked"))

    assert "no change, it is up to date" in capsys.readouterr().err


def test_update_keeps_parameters_and_tells_what_changes(
    local_session: Session, made: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that was given once stays; a new one is named beside the old."""
    up(local_session, made, {"Colour": "blue", "Size": "1"}, None)

    stack = up(local_session, made, {"Size": "2"}, None)

    assert (stack.parameters["Colour"], stack.parameters["Size"]) == ("blue", "2")
    assert "parameter Size: '1' becomes '2'" in capsys.readouterr().err


def test_reset_forgets_what_was_given_earlier(
    local_session: Session, made: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """A parameter that is not given now has its default again, and what it was is named."""
    up(local_session, made, {"Colour": "blue", "Size": "1"}, None)

    merged = deployment.merged_parameters(local_session, made, {"Size": "2"}, reset=True)
    stack = deployment.up(local_session, made, merged, None)

    assert (stack.parameters["Colour"], stack.parameters["Size"]) == ("red", "2")
    assert "parameter Colour: 'blue' becomes 'red'" in capsys.readouterr().err


def test_bucket_of_another_account_is_not_used(session: Session, made: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who guessed the bucket's name does not get the code."""
    refusal = ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    def refuse(**_: str) -> None:
        raise refusal

    monkeypatch.setattr(session.s3, "head_bucket", refuse)

    with pytest.raises(StackError, match="not this account's"):
        up(session, made, {}, None)


def test_up_without_credentials_names_the_remedy() -> None:
    """Nothing is asked of AWS without credentials."""
    from ops.errors import CredentialsError
    from ops.session import open_session

    with pytest.raises(CredentialsError, match=r"no AWS credentials: .*aws configure.*--local"):
        open_session("flowers", None)
