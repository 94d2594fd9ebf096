"""handlers/contract/inputs.py: what a person sends by hand is refused in one sentence, with what is wrong."""

import importlib

import pytest

from handlers.contract.errors import InputError
from handlers.contract.inputs import part
from handlers.contract.states import DeployEndpointInput, ValidateDatasetInput
from tests.handlers.environment import HANDLERS

STATES = [
    path.stem
    for path in sorted(HANDLERS.glob("*.py"))
    if path.stem not in ("__init__", "predict", "start_execution", "resume_execution", "standby")
]


@pytest.mark.parametrize("event", [{}, [], "text", None, {"ExecutionName": 7, "Dataset": []}])
@pytest.mark.parametrize("name", STATES)
def test_every_state_refuses_input_in_one_sentence(environment, lambda_context, name, event):
    """No address of pydantic's pages, no line break: what is missing or wrong, and how to start instead."""
    handler = importlib.import_module(f"handlers.{name}").handler

    with pytest.raises(InputError, match=r"^input of \w+: .*`deploy\.py start DATASET`") as refused:
        handler(event, lambda_context)

    sentence = str(refused.value)
    assert "http" not in sentence
    assert "\n" not in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize("event", [{}, [], "text", None, {"Stop": False}])
def test_what_stops_and_starts_refuses_the_unknown(environment, lambda_context, event):
    """It is no state: what it takes, and the command that sends it, are named."""
    with pytest.raises(InputError, match=r"^event.*Sweep, Stop, Start (and|or) Wake"):
        importlib.import_module("handlers.standby").handler(event, lambda_context)


def test_missing_parts_are_named_as_they_are_written():
    """By their path, the first three of them."""
    with pytest.raises(InputError, match=r"^input of DeployEndpoint: TaskToken is missing, Dataset is missing, Train"):
        DeployEndpointInput.from_event({"ExecutionName": "pets-1"})


def test_a_wrong_value_is_shown_cut():
    """A person recognises it; a long one is not repeated in full."""
    dataset = {"Name": ["x" * 1000], "S3Uri": "s3://b/", "Fingerprint": "f"}

    with pytest.raises(InputError, match=r"Dataset\.Name is \['x+\.\.\.x+'\] \(input should be a valid string\)"):
        ValidateDatasetInput.from_event({"ExecutionName": "pets-1", "Dataset": dataset})


@pytest.mark.parametrize("event", [{}, {"detail": None}, {"detail": {"object": {"key": 7}}}])
def test_part_of_an_event_that_is_not_there_is_named(event):
    """An S3 event that someone wrote from memory."""
    with pytest.raises(
        InputError, match=r"event None: detail\.object\.key is (None|7); send the event as AWS sends it"
    ):
        part(event, "detail", "object", "key")
