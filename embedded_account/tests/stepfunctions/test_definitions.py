"""local/stepfunctions/definitions.py: a machine that could not run is refused when it is created."""

import json
import re
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from embedded_account.data_files import service_model
from embedded_account.stepfunctions import moto_definitions
from embedded_account.stepfunctions.sdk_services import SERVICES

_CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "asl-definitions" / "asl-validator"
_FILES = sorted(_CORPUS.glob("*.json"))
# What AWS takes and the interpreter does not: docs/services.md says so.
_REFUSED_HERE = {
    "valid-map-distributed.asl.json": "DISTRIBUTED",
    "valid-parameters-array.json": "SCHEMA_VALIDATION_FAILED",
    "valid-pass-array.json": "SCHEMA_VALIDATION_FAILED",
    "valid-task-batch.json": ".sync",
    "valid-task-credentials.json": "SCHEMA_VALIDATION_FAILED",
    "valid-task-timeout-jsonata.json": "SCHEMA_VALIDATION_FAILED",  # a task of SWF
}
_TAKEN_HERE = ["invalid-math-add.json"]  # the arguments of an intrinsic function are looked at when it runs
_PASS = {"Type": "Pass", "End": True}


def _create(account, text, **options):
    sfn, name = account.client("stepfunctions"), f"machine-{uuid.uuid4().hex[:12]}"
    role = "arn:aws:iam::123456789012:role/pipeline"
    arn = sfn.create_state_machine(name=name, definition=text, roleArn=role, **options)["stateMachineArn"]
    sfn.delete_state_machine(stateMachineArn=arn)


def _answer(account, text):
    try:
        _create(account, text)
    except ClientError as error:
        return str(error)
    return "taken"


def _refusal(account, definition, **options):
    with pytest.raises(ClientError, match="An error occurred") as caught:
        _create(account, json.dumps(definition), **options)
    return caught.value.response["Error"]


@pytest.mark.skipif(not _FILES, reason="the corpora are not in this checkout")
def test_every_definition_of_the_corpus_is_taken_or_named(account):
    """Valid definitions are taken, invalid ones are InvalidDefinition, and what cannot be carried out is named."""
    answers = {path.name: _answer(account, path.read_text(encoding="utf-8")) for path in _FILES}

    valid = {name: answer for name, answer in answers.items() if name.startswith("valid-")}
    refusals = {name: answer for name, answer in valid.items() if answer != "taken"}
    assert len(_FILES) >= 56
    assert refusals.keys() == _REFUSED_HERE.keys()
    assert all(_REFUSED_HERE[name] in answer for name, answer in refusals.items())
    refused = re.compile(r"InvalidDefinition|NotImplemented")
    assert [name for name in answers.keys() - valid.keys() if not refused.search(answers[name])] == _TAKEN_HERE


def test_all_broken_transitions_are_told_together(account):
    """AWS answers every diagnostic with its place, joined by commas.

    Source: Step Functions API reference, CreateStateMachine, InvalidDefinition.
    """
    states = {"pass1": {"Type": "Pass", "Next": "pass3"}, "pass2": _PASS}

    error = _refusal(account, {"StartAt": "pass1", "States": states})

    assert (error["Code"], error["Message"]) == (
        "InvalidDefinition",
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at "
        '/States/pass1/Next, MISSING_TRANSITION_TARGET: State "pass2" is not reachable. at /States/pass2\'',
    )


@pytest.mark.parametrize(
    ("definition", "place"),
    [
        ({"StartAt": "B", "States": {"A": _PASS}}, "target: B at /StartAt"),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "r", "Catch": [{"Next": "Z"}], "End": True}}},
            "target: Z at /States/A/Catch[0]/Next",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"Next": "Z"}], "Default": "A"}}},
            "target: Z at /States/A/Choices[0]/Next",
        ),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}, "Workflow has no terminal state"),
        ({"StartAt": "A"}, "[StartAt, States]"),
        (
            {"StartAt": "A", "States": {"A": _PASS | {"Parameters": {"x": [{"y": 1, "y.$": "$.y"}]}}}},
            "'y' is given twice, as a value and as a path at /States/A/Parameters/x[0]",
        ),
    ],
)
def test_each_diagnostic_names_its_place(account, definition, place):
    """A missing target, end or field is told by its path in the definition."""
    error = _refusal(account, definition)

    assert error["Code"] == "InvalidDefinition"
    assert place in error["Message"]


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ({"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync", "End": True}, ".sync"),
        ({"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True}, "activity"),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name(account, state, what):
    """A machine that could only fail once it runs is not taken."""
    error = _refusal(account, {"StartAt": "A", "States": {"A": state}})

    assert error["Code"] == "NotImplemented"
    assert what in error["Message"]


def test_an_express_machine_is_refused(account):
    """Only standard machines are run."""
    error = _refusal(account, {"StartAt": "A", "States": {"A": _PASS}}, type="EXPRESS")

    assert (error["Code"], "EXPRESS" in error["Message"]) == ("NotImplemented", True)


def test_text_that_is_no_json_is_refused(account):
    """A cut definition has a diagnostic of its own."""
    with pytest.raises(ClientError, match=r"InvalidDefinition.*INVALID_JSON_DESCRIPTION"):
        _create(account, '{"StartAt": ')


def test_a_refused_definition_does_not_spoil_the_next(account):
    """Parameters are understood after a definition whose parsing broke off inside of a state."""
    broken = {"StartAt": "A", "States": {"A": _PASS | {"Credentials": {"other": 1}, "Type": "Task", "Resource": "r"}}}
    _refusal(account, broken)

    _create(account, json.dumps({"StartAt": "A", "States": {"A": _PASS | {"Parameters": {"x.$": "$.y"}}}}))


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"Resource": "arn:aws:states:::aws-sdk:s3:listBaskets"}, "aws-sdk:s3:listBaskets is not recognized"),
        ({"Resource": "arn:aws:states:::aws-sdk:s3:ListBuckets"}, "aws-sdk:s3:ListBuckets is not recognized"),
        (
            {"Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"bucket": "b", "Key.$": "$.k"}},
            'The field "bucket" is not supported by Step Functions at /States/Call/Parameters',
        ),
        (
            {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Event": {}}},
            'The field "Event" is not supported by Step Functions at /States/Call/Parameters',
        ),
        (
            {"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"Body": "m"}},
            'The field "Body" is not supported by Step Functions at /States/Call/Parameters',
        ),
    ],
)
def test_sdk_task_that_its_service_has_not_is_refused(account, task, words):
    """The action begins with a small letter and its fields with a capital, as AWS checks when a machine is made."""
    definition = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": True, **task}}}

    assert words in _refusal(account, definition)["Message"]


def test_names_of_sdk_services_are_those_of_their_models():
    """A definition names a service by its id in small letters; errors by its id in Java's case of letters."""
    for name, service in SERVICES.items():
        words = str(service_model(service.boto_name).metadata["serviceId"]).split()

        assert name == "".join(words).lower()
        assert service.error_prefix.lower() == name


def test_a_definition_is_parsed_once_for_many_executions():
    """What one execution leaves in its program, no other meets."""
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": _PASS}, "Comment": uuid.uuid4().hex})
    details = SimpleNamespace(state_machine_details=SimpleNamespace(definition=definition))
    before = moto_definitions._packed.cache_info().misses

    first, second = (moto_definitions._entrypoint(SimpleNamespace(_evaluation_details=details)) for _ in range(2))

    assert first is not second
    assert first.start_at.start_at_name == second.start_at.start_at_name == "Wait"
    assert moto_definitions._packed.cache_info().misses == before + 1
