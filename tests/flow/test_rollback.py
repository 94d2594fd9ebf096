"""The way back, and forward again, in a stack that has served two models."""

import json

import pytest

from tests.flow.deployment import Deployment
from tests.flow.load import PICTURE_EVENT, steady_load

pytestmark = [pytest.mark.slow, pytest.mark.account]


@pytest.fixture(scope="module")
def names(production, update) -> tuple[str, str]:
    """Give the names of the two runs, the one that serves last."""
    return production.rpartition(":")[2], update[0].rpartition(":")[2]


@pytest.fixture(scope="module")
def back(stack: Deployment, names) -> tuple[str, list[int]]:
    """Go back under load; give the execution's ARN and what callers saw."""
    with steady_load(stack) as outcomes:
        arn = stack.run("rollback").stdout.splitlines()[0]
    return arn, outcomes


def test_a_rollback_under_load_fails_no_prediction(stack, names, back):
    """No job is started for it, every prediction is answered, and afterwards by the first model."""
    arn, outcomes = back

    answer = stack.predict(json.loads(PICTURE_EVENT))
    history = stack.client("stepfunctions").get_execution_history(executionArn=arn)["events"]

    entered = [one["stateEnteredEventDetails"]["name"] for one in history if one["type"] == "TaskStateEntered"]
    assert entered == ["DeployEndpoint", "CheckEndpoint", "RegisterScaling", "ReportOutcome"]
    assert set(outcomes) == {200}
    assert len(outcomes) > 10
    assert answer["body"]["model"]["training_job_name"] == names[0]


def test_an_answer_leads_to_a_statement_that_holds(stack, names, back, tmp_path):
    """Of the model that answers, though another run deployed it; the files that were taken away agree without AWS."""
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(stack.predict(json.loads(PICTURE_EVENT))))

    told = stack.run("lineage", str(answer), "--verify", "--out", str(tmp_path / "evidence")).stdout
    stack.run("lineage", str(tmp_path / "evidence/provenance.json"), "--verify")

    assert names[0] in told.splitlines()[0]
    assert f"{names[0]}, version 1, Approved" in told
    assert "the statement, by the model package" in told


def test_models_tell_what_serves_and_what_was_left(stack, names, back):
    """One row a model, and both packages are judged."""
    rows = [line.split("\t") for line in stack.run("models").stdout.splitlines()]

    fates = {row[1]: (row[4], row[5]) for row in rows}
    assert fates[names[0]][0] == "Approved"
    assert fates[names[0]][1].startswith("serves since ")
    assert fates[names[1]][0] == "Rejected"
    assert fates[names[1]][1].startswith("rolled back ")


def test_the_schedule_does_not_bring_it_back(stack, names, back):
    """Its dataset is the newest, and unchanged."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["StartExecutionFunctionName"], Payload=b'{"Reason": "schedule"}'
    )

    told = json.load(answer["Payload"])
    assert told["Started"] is False
    assert f"the model of {names[1]!r}, which was trained on the same content, was rolled back" in told["Reason"]


def test_a_named_run_serves_again_without_a_mark(stack, names, back):
    """Forward to the second model, which is as any other then; the way back to what serves is refused in words."""
    stack.run("rollback", names[1])
    again = stack.run("rollback", names[1], check=False)

    assert stack.predict(json.loads(PICTURE_EVENT))["body"]["model"]["training_job_name"] == names[1]
    assert "RolledBackAt" not in stack.record(f":{names[1]}")
    assert again.returncode == 1
    assert f"serves the model of {names[1]!r} already" in again.stderr
