"""handlers/executions/model_cards.py: a card a run, of its package's status, and never a reason to fail."""

import json

import pytest

from handlers import aws, register_model, resume_execution
from tests.handlers.cases import accept
from tests.handlers.environment import EXECUTION


@pytest.fixture
def register(world, event, lambda_context):
    """Give a call that registers the model of a run, whose artifact and evaluation are there."""
    payload = accept(world, event)
    return lambda: register_model.handler(payload, lambda_context)


def test_a_registered_model_has_a_card_for_review(world, register):
    """It bears the stack's tag, by which the roles, lineage and `deploy.py down` know it."""
    result = register()

    card = world.sagemaker.cards[EXECUTION]
    assert (result["ModelCard"], card["ModelCardStatus"]) == (EXECUTION, "PendingReview")
    assert {"Key": "retriever:Stack", "Value": world.settings.stack_name} in card["Tags"]


@pytest.mark.parametrize(("before", "version"), [("same", 1), ("{}", 2)])
def test_a_repeated_state_writes_what_differs_alone(world, register, before, version):
    """A card that says the same has no second version."""
    register()
    if before != "same":
        world.sagemaker.cards[EXECUTION]["Content"] = before

    register()

    card = world.sagemaker.cards[EXECUTION]
    assert card["ModelCardVersion"] == version
    assert json.loads(card["Content"])["model_overview"]["model_name"] == EXECUTION


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceLimitExceeded", "UnknownOperationException"])
def test_a_refused_card_is_told_and_costs_nothing(world, register, code):
    """The model is registered; the result says why it has no card."""
    world.sagemaker.faults["CreateModelCard"] = code

    result = register()

    assert result["ModelPackageArn"] in world.sagemaker.packages
    assert result["ModelCard"].startswith(f"not made: CreateModelCard: {code}")


def test_an_evaluation_that_cannot_be_read_costs_the_card_alone(world, register, event):
    """As every other part of what a card is made of."""
    uri = event("register_model")["Evaluation"]["EvaluationS3Uri"]
    world.put(uri.removeprefix("s3://retriever-data/"), "no JSON")

    assert register()["ModelCard"].startswith("not made: ")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("Approved", "Approved"), ("Rejected", "Archived"), ("PendingManualApproval", "PendingReview")],
)
def test_a_card_follows_its_package(world, register, event, lambda_context, verdict, status):
    """Whoever sets the package's status, SageMaker tells of it; an equal status is left alone."""
    payload = event("model_package_state_change")
    arn = payload["detail"]["ModelPackageArn"] = register()["ModelPackageArn"]
    world.sagemaker.packages[arn]["ModelApprovalStatus"] = verdict

    for _ in range(2):
        resume_execution.handler(payload, lambda_context)

    assert world.sagemaker.cards[EXECUTION]["ModelCardStatus"] == status
    assert world.sagemaker.operations().count("UpdateModelCard") == (verdict != "PendingManualApproval")


def test_a_package_without_a_card_is_passed_over(world, event, lambda_context):
    """One of an older version, or of a run whose card was refused."""
    arn = event("model_package_state_change")["detail"]["ModelPackageArn"]
    lineage = {"CustomerMetadataProperties": {"Execution": EXECUTION}, "ModelApprovalStatus": "Approved"}
    world.sagemaker.packages[arn] = {"ClientToken": "x", **lineage}

    assert resume_execution.handler(event("model_package_state_change"), lambda_context)["Result"]


def test_a_card_takes_no_state_s_time():
    """Where SageMaker does not answer, all calls about a card together leave RegisterModel's 300 s to the model."""
    config = aws.sagemaker_briefly().meta.config
    seconds = config.connect_timeout + config.read_timeout  # type: ignore[attr-defined]

    assert 3 * config.retries["total_max_attempts"] * seconds < 90  # type: ignore[attr-defined]
