"""handlers/executions/changes.py: a refusal, and what an endpoint was made by, hold until a parameter is another."""

import pytest

from handlers import deploy_endpoint
from handlers.executions.changes import changes, deployed_by
from handlers.ledger import Dataset, Run
from tests.handlers.stored import stored

SCHEDULE = {"Reason": "schedule"}
_REFUSED = {"error": "ModelRejectedError", "failed_state": "EvaluateModel", "champion": ""}


@pytest.fixture
def refused(world, upload, end):
    """Give the name of a run whose model the gate has refused."""
    name = upload()["ExecutionName"]
    end(name, "FAILED")
    Run(name).change(world.ledger, _REFUSED)
    return name


def test_the_schedule_does_not_repeat_a_refusal(world, refused, start):
    """Nothing has changed, so the run would end as the last one did: it is skipped, and the skip recorded."""
    answers = [start(SCHEDULE) for _ in range(3)]

    assert [answer["Started"] for answer in answers] == [False] * 3
    assert f"the gate has refused the model of {refused!r}" in answers[0]["Reason"]
    assert stored(Dataset, world.ledger, "flowers").skip_reason == answers[0]["Reason"]
    assert len(world.executions()) == 1


def test_the_schedule_repeats_no_shadow_that_was_refused(world, refused, start, monkeypatch):
    """It would cost instances again, and say the same; another limit, or no shadow, is another question."""
    Run(refused).change(world.ledger, {"error": "ShadowRefusedError", "failed_state": "JudgeShadow"})

    answer = start(SCHEDULE)
    monkeypatch.setenv("SHADOW_MIN_AGREEMENT", "0.5")
    again = start(SCHEDULE)

    assert (answer["Started"], again["Started"]) == (False, True)
    assert f"copies of live requests has refused the model of {refused!r}" in answer["Reason"]
    assert "ShadowMinAgreement is 0.5, not 0." in again["Reason"]


def test_the_gate_s_refusal_is_none_of_the_shadow_s_parameters(refused, start, monkeypatch):
    """They bear on nothing that the gate has looked at."""
    monkeypatch.setenv("SHADOW_PERCENT", "50")

    assert start(SCHEDULE)["Started"] is False


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ACCURACY_THRESHOLD", "0.5", "AccuracyThreshold is 0.5, not 0.9"),
        ("WHEN_UNDECIDED", "deploy", "WhenUndecided is deploy, not measured"),
    ],
)
def test_the_schedule_judges_again_by_another_parameter(world, refused, start, monkeypatch, variable, value, words):
    """What has changed is in the answer and in the record."""
    monkeypatch.setenv(variable, value)

    answer = start(SCHEDULE)

    assert answer["Started"] is True
    assert f"{words} since the model of {refused!r} was refused" in answer["Reason"]
    assert words in str(stored(Run, world.ledger, answer["ExecutionName"]).remark)


def test_the_schedule_judges_again_beside_another_champion(world, refused, start):
    """Another model serves by now."""
    world.sagemaker.serve(config="other")

    assert start(SCHEDULE)["Started"] is True


def test_a_person_may_have_the_same_judged_again(refused, start):
    """Who asks by name, or uploads again, gets a run."""
    assert start({"Reason": "manual", "Dataset": "flowers"})["Started"] is True


def test_always_means_always(refused, start, monkeypatch):
    """RetrainWhen=always trains anew, whatever the gate has said."""
    monkeypatch.setenv("RETRAIN_WHEN", "always")

    assert start(SCHEDULE)["Started"] is True


def test_a_refusal_of_an_older_version_is_judged_once_more(world, refused, start):
    """Its record does not say beside which champion."""
    Run(refused).change(world.ledger, {"champion": None})

    assert start(SCHEDULE)["Started"] is True


@pytest.mark.parametrize("asked", [SCHEDULE, {"Reason": "manual", "Dataset": "flowers"}])
def test_another_instance_type_only_deploys(world, served, start, monkeypatch, asked):
    """The results of the model that serves go with the input, so no state that pays is entered."""
    Run(served).note_deployment(world.ledger, deployed_by(world.settings))
    assert start(asked)["Started"] is False
    monkeypatch.setenv("ENDPOINT_INSTANCE_TYPE", "ml.c5.large")

    answer = start(asked)

    assert answer["Started"] is True
    assert "EndpointInstanceType is ml.c5.large, not ml.m5.large, so the model of" in answer["Reason"]
    assert stored(Run, world.ledger, answer["ExecutionName"]).redeploys == "flowers-0123456789ab-1"


def test_a_deployment_notes_what_it_was_made_by(world, sent, event, lambda_context):
    """What the endpoint and its scaling depend on, and nothing of how it came about."""
    payload = event("deploy_endpoint")
    Run(payload["ExecutionName"], status="RUNNING", started_at="2026").note(world.ledger)

    deploy_endpoint.handler(payload, lambda_context)

    noted = stored(Run, world.ledger, payload["ExecutionName"]).deployed_by
    assert noted == deployed_by(world.settings)
    assert set(noted) == {
        "EndpointKind", "EndpointInstanceType", "ServerlessMemoryMb", "ServerlessMaxConcurrency",
        "ScalingMinInstances", "ScalingMaxInstances", "ScalingTargetInvocations", "ScaleInCooldownSeconds",
        "ScaleOutCooldownSeconds",
    }  # fmt: skip


def test_a_parameter_that_was_not_noted_has_not_changed():
    """A record of an older version knows nothing of a newer parameter."""
    assert changes(None, {"A": 1}) == changes({}, {"A": 1}) == changes({"A": 1.0}, {"A": 1}) == ""
    assert changes({"A": 2, "B": "x"}, {"A": 1, "B": "y"}) == "A is 1, not 2, B is y, not x"
    assert changes({"A": 600}, {"A": 416.0}) == "A is 416, not 600"
