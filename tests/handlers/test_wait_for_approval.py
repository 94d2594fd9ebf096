"""handlers/wait_for_approval.py: a person is asked once, with all that there is to decide by."""

import json

import pytest

from handlers import aws
from handlers.contract.errors import EndpointCheckError
from handlers.ledger import Run, RunStatus, Token
from handlers.wait_for_approval import handler
from tests.handlers.cases import asked
from tests.handlers.environment import EXECUTION
from tests.handlers.published import published
from tests.handlers.stored import stored

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retriever/1"


@pytest.fixture
def waiting(world, event):
    """Give the event of a run whose evaluation and pictures are there."""
    return asked(world, event)


def test_the_mail_carries_the_evidence_and_the_commands(world, waiting, lambda_context):
    """Accuracy, the comparison with what serves, what was found in the data, and both answers to copy."""
    Run(EXECUTION).change(world.ledger, {"data": ["3 pictures come twice"]})

    handler(waiting, lambda_context)

    ((subject, message),) = published(world)
    assert subject == f"retriever: approve {EXECUTION}?"
    for part in (
        "test accuracy 0.9500 on 4 images (threshold 0.9)",
        "95 right to the 90 of 'old-config', which serves, of the same 100 test pictures",
        "3 pictures come twice",
        "72 hours at most",
        f"python deploy.py approve {EXECUTION}\n",
        f'python deploy.py reject {EXECUTION} --reason "WHY"',
        f"model package {_ARN} in the SageMaker console",
    ):
        assert part in message


def test_a_token_waits_for_the_package(world, waiting, lambda_context):
    """Under its ARN, by which the event and the sweep find it."""
    handler(waiting, lambda_context)

    token = stored(Token, world.ledger, _ARN)
    assert (token.kind, token.task_token, token.execution_name) == ("approval", waiting["TaskToken"], EXECUTION)


def test_the_record_says_since_when_it_waits(world, waiting, lambda_context):
    """With what a person judges by, while the run goes on."""
    handler(waiting, lambda_context)

    run = stored(Run, world.ledger, EXECUTION)
    assert run.waits_for_approval
    assert (run.accuracy, run.num_test_images, run.model_package_arn) == (0.95, 4, _ARN)
    assert str(run.evidence).startswith("95 right")


def test_a_retried_state_sends_no_second_mail(world, waiting, lambda_context):
    """Its token takes the place of the first."""
    handler(waiting, lambda_context)
    handler({**waiting, "TaskToken": "second"}, lambda_context)

    assert len(published(world)) == 1
    assert stored(Token, world.ledger, _ARN).task_token == "second"


def test_a_lost_mail_ends_no_run(world, waiting, lambda_context):
    """`deploy.py status` says that it waits all the same."""
    aws.sns().delete_topic(TopicArn=world.settings.topic_arn)

    handler(waiting, lambda_context)

    assert stored(Run, world.ledger, EXECUTION).waits_for_approval


def test_golden_pictures_are_kept_before_the_wait(world, waiting, lambda_context):
    """The dataset may change while a person decides; the deployed model is asked about what it was tested on."""
    handler(waiting, lambda_context)

    assert f"runs/{EXECUTION}/golden/test/daisy/0.jpg" in world.keys("runs/")


def test_nobody_is_asked_about_what_cannot_be_checked(world, waiting, lambda_context):
    """Without golden predictions the deployment would fail after the person's yes."""
    evaluation = {"training_job_name": "t", "dataset_fingerprint": "f", "num_test_images": 2, "test_top1": 0.95}
    world.put(f"runs/{EXECUTION}/evaluation.json", json.dumps(evaluation))

    with pytest.raises(EndpointCheckError, match="has no golden predictions"):
        handler(waiting, lambda_context)
    assert published(world) == []


def test_a_run_that_is_not_noted_stays_so(world, waiting, lambda_context):
    """An execution that was started by hand has no record, and is asked about all the same."""
    world.table.delete(Run.key_of(EXECUTION))

    handler(waiting, lambda_context)

    assert Run.get(world.ledger, EXECUTION) is None
    assert len(published(world)) == 1


def test_a_run_waits_no_more_once_it_has_ended(world, waiting, lambda_context):
    """Stopped by hand, it never says what came of it."""
    handler(waiting, lambda_context)

    Run(EXECUTION).close(world.ledger, RunStatus.ABORTED, "stopped")

    assert not stored(Run, world.ledger, EXECUTION).waits_for_approval


@pytest.mark.parametrize(("status", "answered"), [("Approved", "SendTaskSuccess"), ("Rejected", "SendTaskFailure")])
def test_what_was_judged_already_asks_nobody(world, waiting, sent, lambda_context, status, answered):
    """By a program that heard of the package's registration, or in a run that was stopped since: it goes on at once."""
    world.sagemaker.packages[_ARN] = {"ClientToken": "x", "ModelApprovalStatus": status}

    handler(waiting, lambda_context)

    assert [operation for operation, _ in sent.answers] == [answered]
    assert published(world) == []
    assert list(Token.all(world.ledger)) == []
