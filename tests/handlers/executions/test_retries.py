"""handlers/executions/retries.py: a run that has ended goes on, on the same data; or why not, in words."""

import json

import pytest

from handlers import aws
from handlers.ledger import Run
from tests.handlers.stored import stored

RETRY = {"Reason": "retry"}


@pytest.fixture
def failed(world, upload, end):
    """Give the name of a run that failed in its deployment."""
    name = upload()["ExecutionName"]
    end(name, "FAILED")
    Run(name).change(world.ledger, {"failed_state": "DeployEndpoint"})
    return name


@pytest.mark.parametrize("asked", ["", "its name"])
def test_the_last_run_or_the_named_one_goes_on(world, failed, start, asked):
    """A new execution on the same data, which takes what was finished."""
    answer = start(RETRY | {"Run": failed if asked else ""})

    assert (answer["Started"], answer["ExecutionName"]) == (True, f"{failed[:-2]}-2")
    assert stored(Run, world.ledger, answer["ExecutionName"]).redo_from is None
    arn = world.settings.execution_arn(answer["ExecutionName"])
    state = json.loads(aws.stepfunctions().describe_execution(executionArn=arn)["input"])
    assert state["Trigger"] == {"Reason": "retry"}


def test_a_named_state_is_where_all_is_done_anew(world, failed, start):
    """The record of the execution says so, which its states read."""
    answer = start(RETRY | {"From": "StartTrainingJob"})

    assert stored(Run, world.ledger, answer["ExecutionName"]).redo_from == "StartTrainingJob"


def test_asked_twice_one_execution_runs(world, failed, start):
    """The second answer names it."""
    first = start(RETRY | {"Run": failed})

    again = start(RETRY | {"Run": failed})

    assert (again["Started"], again["ExecutionName"]) == (False, first["ExecutionName"])
    assert len(world.executions()) == 2


def test_a_run_that_succeeded_is_redone_from_a_state_alone(failed, start, end):
    """Else there is nothing to retry, neither of it nor of the one before it on the same content."""
    done = start(RETRY)["ExecutionName"]
    end(done)

    assert "succeeded, so nothing is to be retried" in start(RETRY)["Reason"]
    assert f"run {done!r} has succeeded on the same data" in start(RETRY | {"Run": failed})["Reason"]
    assert start(RETRY | {"From": "EvaluateModel"})["Started"] is True


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Run": "birds-1"}, "run 'birds-1': there is no record of it"),
        ({"Run": 7}, "Run: 7; expected the name of a run"),
        ({"From": "Deploy"}, "state 'Deploy': is no state that can be redone; expected one of UnpackArchive, "),
        ({"From": ["x"]}, "is no state that can be redone"),
        ({"From": "CheckEndpoint"}, "failed in DeployEndpoint, so nothing of CheckEndpoint is there"),
    ],
)
def test_what_cannot_be_retried_is_refused_in_words(failed, start, asked, words):
    """Nothing is started."""
    answer = start(RETRY | asked)

    assert answer["Started"] is False
    assert words in answer["Reason"]


def test_without_any_run_the_first_command_is_named(start):
    """There is nothing to go on with."""
    assert "there is no run yet; start one with `deploy.py upload" in start(RETRY)["Reason"]


def test_other_data_are_no_retry(world, failed, start):
    """What lies there by now has its own command."""
    world.put("datasets/flowers/daisy/2.jpg", "new")

    assert "the data of run" in start(RETRY)["Reason"]
    assert len(world.executions()) == 1


def test_data_that_are_gone_are_no_retry(world, failed, start):
    """The dataset was deleted."""
    for key in world.keys("datasets/"):
        aws.s3().delete_object(Bucket="retriever-data", Key=key)

    assert "is no longer in the bucket; upload it again" in start(RETRY)["Reason"]


def test_a_retry_waits_for_nobody(failed, upload, start):
    """While another dataset has the turn it is refused: a queue would forget from where on it redoes."""
    upload(name="birds")

    assert "another execution runs, and one does at a time" in start(RETRY | {"Run": failed})["Reason"]


def test_a_rollback_is_asked_for_again_by_its_own_command(world, failed, start):
    """It deploys alone."""
    Run(failed).change(world.ledger, {"rolls_back": "", "redeploys": "other"})

    assert "was a rollback; ask for it again with `deploy.py rollback`" in start(RETRY)["Reason"]
