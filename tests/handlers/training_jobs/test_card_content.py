"""handlers/training_jobs/card_content.py: what a card says fits SageMaker's schema, whatever the model is."""

import json
import re
from typing import Any

import pytest

from handlers.contract.states import JobEvaluation, RegisterModelInput
from handlers.training_jobs.card_content import content
from handlers.training_jobs.provenance import Stored

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retriever/7"
_STORED = Stored("s3://retriever-data/runs/flowers-0123456789ab-1/provenance.json", "5a" * 32)
_FREE = ("CustomDetails", "Metadata")  # their keys are whoever's who writes them


@pytest.fixture
def write(world, event):
    """Give a call that returns the card of an evaluation, with changes of the step's parts."""

    def call(evaluation: dict[str, Any], **changes: dict[str, Any]) -> str:
        payload = event("register_model")
        for part, values in changes.items():
            payload[part] |= values
        judged = {"training_job_name": "t", "dataset_fingerprint": "f", "num_test_images": 4, "test_top1": 0.95}
        step = RegisterModelInput.from_event(payload)
        return content(step, world.settings, JobEvaluation.model_validate(judged | evaluation), _ARN, _STORED)

    return call


def _class(name: str, recall: float) -> dict[str, Any]:
    return {"class_name": name, "num_images": 2, "recall": recall}


def test_a_card_tells_model_data_judgement_and_origin(write):
    """The version, the search's values, the numbers of the test, and what proves them."""
    card = json.loads(write({"macro_f1": 0.9, "per_class": [_class("daisy", 1.0), _class("rose", 0.5)]}))

    overview, training = card["model_overview"], card["training_details"]["training_job_details"]
    (evaluation,) = card["evaluation_details"]
    overall, recalls = evaluation["metric_groups"]
    assert (overview["model_name"], overview["model_version"]) == ("flowers-0123456789ab-1", 7)
    assert "2 classes: daisy, rose." in overview["model_description"]
    assert {"name": "lr", "value": "0.0031"} in training["hyper_parameters"]
    assert {"name": "model_name", "value": "resnet18"} in training["user_provided_hyper_parameters"]
    assert {one["name"]: one["value"] for one in overall["metric_data"]} == {"top-1 accuracy": 0.95, "macro F1": 0.9}
    assert recalls["metric_data"][0]["x_axis_name"] == ["rose", "daisy"]
    assert recalls["metric_data"][0]["value"] == [0.5, 1.0]
    assert card["additional_information"]["custom_details"]["provenance_sha256"] == "5a" * 32
    assert card["additional_information"]["custom_details"]["model_package"] == _ARN


def test_the_same_run_has_the_same_card(write):
    """A repeated state meets its own card and makes no version of it."""
    assert write({}) == write({})


def _in_cloudformation(value: Any, key: str = "") -> Any:
    """Return a card with its members as CloudFormation writes them, which has SageMaker's limits in a schema."""
    if isinstance(value, list):
        return [_in_cloudformation(one) for one in value]
    if not isinstance(value, dict) or key in _FREE:
        return value
    names = {name: "".join(part.capitalize() for part in name.split("_")) for name in value}
    return {names[name]: _in_cloudformation(one, names[name]) for name, one in value.items()}


_LONG = "\u00fc\U0001f339" * 2000
_EVERYTHING = {
    "per_class": [_class(f"{number}{_LONG}", 0.5) for number in range(300)],
    "groups": [{"group": f"{number} {_LONG}", "num_images": 2, "num_right": 1} for number in range(30)],
    "macro_f1": 0.5,
    "calibration": {"ece": 0.1},
    "champion": {"name": "x", "num_images": 4, "candidate_alone": 1},
}


@pytest.mark.parametrize("evaluation", [{}, _EVERYTHING], ids=["least", "most"])
def test_every_card_fits_sagemakers_schema(write, evaluation):
    """However long the names of dataset, classes and groups are, and whatever they hold.

    Source: CloudFormation's schema of AWS::SageMaker::ModelCard; SageMaker API reference, CreateModelCard, Content.
    """
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
    from jsonschema import Draft7Validator

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::SageMaker::ModelCard").schema
    lines = {"Name": f"a\nb {_LONG}"} if evaluation else {}

    text = write(evaluation, Dataset=lines, Evaluation={"Evidence": f"{lines}", "ServedBy": _LONG if lines else ""})

    validator = Draft7Validator({"$ref": "#/definitions/Content", "definitions": schema["definitions"]})
    wrong = list(validator.iter_errors(_in_cloudformation(json.loads(text))))
    assert [f"{one.json_path}: {one.message:.200}" for one in wrong] == []
    assert re.fullmatch("[ -~]{100,100000}", text), len(text)
