"""Model cards: what they hold, their versions, their status and their tags."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.sagemaker.registry.card_schema import problem

Aws = Callable[[str], Any]


@pytest.fixture
def card(aws: Aws) -> str:
    """Give a card that waits for its review."""
    name = f"card-{uuid.uuid4().hex[:8]}"
    tags = [{"Key": "team", "Value": "flowers"}]
    aws("sagemaker").create_model_card(ModelCardName=name, Content="{}", ModelCardStatus="PendingReview", Tags=tags)
    return name


def test_another_content_is_another_version(aws: Aws, card: str) -> None:
    """The one before stays as it was; a change of the status alone makes none.

    Source: SageMaker developer guide, "Amazon SageMaker Model Cards".
    """
    sagemaker = aws("sagemaker")
    content = json.dumps({"model_overview": {"model_name": "flowers"}})

    sagemaker.update_model_card(ModelCardName=card, Content=content)
    sagemaker.update_model_card(ModelCardName=card, ModelCardStatus="Approved")

    newest = sagemaker.describe_model_card(ModelCardName=card)
    assert (newest["ModelCardVersion"], newest["Content"], newest["ModelCardStatus"]) == (2, content, "Approved")
    assert sagemaker.describe_model_card(ModelCardName=card, ModelCardVersion=1)["Content"] == "{}"
    versions = sagemaker.list_model_card_versions(ModelCardName=card)["ModelCardVersionSummaryList"]
    assert [one["ModelCardVersion"] for one in versions] == [2, 1]


def test_a_name_is_given_once(aws: Aws, card: str) -> None:
    """The code tells a retried request that it met its own card, or another's."""
    with pytest.raises(ClientError, match=r"ConflictException.*already exists"):
        aws("sagemaker").create_model_card(ModelCardName=card, Content="{}", ModelCardStatus="Draft")


def test_content_and_status_are_changed_apart(aws: Aws, card: str) -> None:
    """Source: SageMaker API reference, UpdateModelCard."""
    with pytest.raises(ClientError, match="cannot update both in a single call"):
        aws("sagemaker").update_model_card(ModelCardName=card, Content="{}", ModelCardStatus="Approved")


def test_an_archived_card_takes_no_content(aws: Aws, card: str) -> None:
    """Its status may change still.

    Source: SageMaker API reference, ModelPackageModelCard.
    """
    aws("sagemaker").update_model_card(ModelCardName=card, ModelCardStatus="Archived")

    with pytest.raises(ClientError, match="Model Card is in Archived state"):
        aws("sagemaker").update_model_card(ModelCardName=card, Content="{}")


def test_cards_are_listed_by_status_and_bear_tags(aws: Aws, card: str) -> None:
    """One that was deleted is gone with its tags."""
    sagemaker = aws("sagemaker")

    (listed,) = sagemaker.list_model_cards(NameContains=card, ModelCardStatus="PendingReview")["ModelCardSummaries"]

    assert sagemaker.list_model_cards(NameContains=card, ModelCardStatus="Draft")["ModelCardSummaries"] == []
    assert sagemaker.list_tags(ResourceArn=listed["ModelCardArn"])["Tags"] == [{"Key": "team", "Value": "flowers"}]
    assert sagemaker.describe_model_card(ModelCardName=listed["ModelCardArn"])["ModelCardName"] == card
    sagemaker.delete_model_card(ModelCardName=card)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_model_card(ModelCardName=card)


def test_content_that_does_not_fit_is_refused(aws: Aws) -> None:
    """No card is made of it."""
    with pytest.raises(ClientError, match=r"ValidationException.*risk_rating.*'Severe' is not one of"):
        aws("sagemaker").create_model_card(
            ModelCardName="unfit", ModelCardStatus="Draft", Content='{"intended_uses": {"risk_rating": "Severe"}}'
        )


def _evaluated(metric: dict[str, Any]) -> dict[str, Any]:
    return {"evaluation_details": [{"name": "test", "metric_groups": [{"name": "g", "metric_data": [metric]}]}]}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("no JSON", "it is no JSON"),
        ({"overview": {}}, "'overview' was unexpected"),
        ({"model_overview": {"model_version": 0}}, "less than the minimum"),
        ({"model_overview": {"model_artifact": ["s3://b/k"] * 16}}, "is too long"),
        ({"training_details": {"training_observations": "x" * 1025}}, "is too long"),
        (
            {"training_details": {"training_job_details": {"hyper_parameters": [{"name": "lr", "value": 0.1}]}}},
            "is not of type 'string'",
        ),
        ({"evaluation_details": [{}]}, "'name' is a required property"),
        (_evaluated({"name": "top-1", "type": "number"}), "is not valid under any"),
        (_evaluated({"name": "top-1", "type": "share", "value": 0.9}), "is not valid under any"),
        (_evaluated({"name": "top-1", "type": "string", "value": "x" * 64}), "is not valid under any"),
        ({"additional_information": {"custom_details": {"run": 7}}}, "is not of type 'string'"),
    ],
)
def test_the_schema_says_what_is_wrong(content: Any, part: str) -> None:
    """Members that are missing or unknown, kinds, enumerations and sizes.

    Source: SageMaker developer guide, "Model card JSON schema".
    """
    assert part in problem(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    "metric",
    [
        {"name": "top-1", "type": "number", "value": 0.9, "notes": "of 300"},
        {"name": "recall", "type": "bar_chart", "value": [0.9, 1], "x_axis_name": ["a", "b"], "y_axis_name": "recall"},
        {"name": "confusion", "type": "matrix", "value": [[1, 0], [0, 1]], "x_axis_name": ["a", "b"]},
        {"name": "loss", "type": "linear_graph", "value": [[1, 0.4], [2, 0.3]], "x_axis_name": "epoch"},
    ],
)
def test_metrics_of_every_type_are_taken(metric: dict[str, Any]) -> None:
    """Source: SageMaker developer guide, "Model card JSON schema"."""
    assert problem(json.dumps(_evaluated(metric))) == ""
