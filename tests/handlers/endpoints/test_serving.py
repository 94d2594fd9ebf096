"""handlers/endpoints/serving.py: what an execution that was ended leaves behind is put right."""

import dataclasses

import pytest

from handlers import resume_execution
from handlers.endpoints.serving import remove_unused
from handlers.ledger import Deployment, Run, Serving
from handlers.report_outcome import handler as report
from tests.handlers.environment import EXECUTION


@pytest.fixture
def aborted(world):
    """Let an execution be stopped while it deployed; SageMaker has finished its update since."""
    world.start_execution()
    world.sagemaker.serve(config="old-config")
    world.sagemaker.serve(config=EXECUTION)
    Deployment.note(world.ledger, EXECUTION)
    Deployment.remember_previous(world.ledger, EXECUTION, "old-config")
    world.stop_execution()
    return world


def test_unchecked_model_is_taken_out_of_service(aborted, lambda_context):
    """The sweep sets the endpoint back to what served before."""
    counts = resume_execution.handler({"Sweep": True}, lambda_context)

    assert counts["Repaired"] == 1
    assert aborted.sagemaker.request("UpdateEndpoint")["EndpointConfigName"] == "old-config"


def test_new_endpoint_of_an_unchecked_model_is_deleted(aborted, lambda_context):
    """There is nothing to go back to."""
    Deployment(EXECUTION).change(aborted.ledger, {"previous_config_name": None})

    resume_execution.handler({"Sweep": True}, lambda_context)

    assert aborted.sagemaker.endpoints == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.sagemaker.endpoints["retriever"].update(EndpointStatus="Updating"),
        lambda world: Serving.note(world.ledger, "retriever", EXECUTION),
        lambda world: Deployment(EXECUTION).forget(world.ledger),
        lambda world: world.sagemaker.endpoints.clear(),
    ],
    ids=["still updating", "reported to serve", "a config of someone else", "no endpoint"],
)
def test_endpoint_that_is_as_it_should_be_is_left_alone(aborted, lambda_context, change):
    """Only a model that no one has checked is taken away."""
    change(aborted)

    counts = resume_execution.handler({"Sweep": True}, lambda_context)

    assert counts["Repaired"] == 0
    assert "UpdateEndpoint" not in aborted.sagemaker.operations()


def test_running_execution_checks_its_model_itself(world, lambda_context):
    """Between DeployEndpoint and CheckEndpoint the model serves unchecked for a moment."""
    world.start_execution()
    world.sagemaker.serve(config=EXECUTION)
    Deployment.note(world.ledger, EXECUTION)

    assert resume_execution.handler({"Sweep": True}, lambda_context)["Repaired"] == 0


def test_trouble_with_the_endpoint_does_not_hide_the_sweep(aborted, lambda_context):
    """It is counted and logged; the next sweep tries again."""
    aborted.sagemaker.faults["UpdateEndpoint"] = "ThrottlingException"

    counts = resume_execution.handler({"Sweep": True}, lambda_context)

    assert (counts["Problems"], counts.get("Repaired", 0)) == (1, 0)


@pytest.mark.parametrize(("most", "stay"), [(1, {"d"}), (2, {"d", "c"}), (3, {"d", "c", "a"}), (9, {"d", "c", "a"})])
def test_the_last_deployments_stay(world, monkeypatch, most, stay):
    """KeepDeployments in all, the one that serves among them; what has never served goes."""
    for number, name in enumerate("abcd"):
        Deployment(name).change(world.ledger, {"config_name": name, "noted_at": number})
        Run(name, status="FAILED" if name == "b" else "SUCCEEDED").report(world.ledger)
    world.sagemaker.serve(config="d")

    remove_unused(world.ledger, dataclasses.replace(world.settings, keep_deployments=most))

    assert {made.config_name for made in Deployment.all(world.ledger)} == stay


def _golden_check_failed(event):
    payload = event("report_outcome_succeeded")
    parts = ("Dataset", "Trigger", "Features", "Tuning", "Training", "Evaluation", "Model", "Endpoint")
    state = {part: payload["State"][part] for part in parts}
    failure = {"Error": "EndpointCheckError", "Cause": "says rose"}
    return {**payload, "Status": "FAILED", "State": {**state, "Failure": failure}}


@pytest.fixture
def going_back(world, event):
    """Let the endpoint go back to the old config after a failed golden check."""
    package = _golden_check_failed(event)["State"]["Model"]["ModelPackageArn"]
    world.sagemaker.packages[package] = {"ClientToken": "x", "ModelApprovalStatus": "Approved"}
    world.sagemaker.serve(config=EXECUTION)
    world.sagemaker.serve(config="old-config")
    for name in ("old-config", EXECUTION):
        Deployment.note(world.ledger, name)
    world.sagemaker.endpoints["retriever"].update(EndpointStatus="Updating")
    return world


def test_rejected_model_is_removed_by_its_own_report(going_back, event, lambda_context):
    """The report waits until the endpoint serves the old model again."""
    endpoint = going_back.sagemaker.endpoints["retriever"]
    going_back.sagemaker.before["DescribeEndpoint"] = lambda: going_back.sagemaker.before.update(
        DescribeEndpoint=lambda: endpoint.update(EndpointStatus="InService")
    )

    result = report(_golden_check_failed(event), lambda_context)

    assert result["Problems"] == []
    assert set(going_back.sagemaker.models) == set(going_back.sagemaker.endpoint_configs) == {"old-config"}


def test_report_does_not_wait_for_ever(going_back, event, lambda_context, monkeypatch):
    """What cannot be removed yet is said, and the next run removes it."""
    monkeypatch.setattr("handlers.endpoints.cleanup.SET_BACK_SECONDS", 0.0)

    result = report(_golden_check_failed(event), lambda_context)

    (problem,) = result["Problems"]
    assert "still changes after 0 s; the rejected model is removed after the next run" in problem
    assert EXECUTION in going_back.sagemaker.models
