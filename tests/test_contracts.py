"""What ties the files together: states, handlers, functions, errors and settings name each other rightly."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from datasets.limits import MAX_IMAGE_SIDE, MIN_IMAGE_SIDE
from handlers.contract import errors
from handlers.contract.settings import Settings
from handlers.contract.states import Boundary, Check, Dataset, Evaluation, Scaling, Verdict
from handlers.gate.settings import ClassSettings, GateSettings
from handlers.prediction.settings import PredictSettings
from training.config import TrainingConfig
from training.flags import declared_settings

ROOT = Path(__file__).resolve().parents[1]
# Read by Powertools, not by settings.py.
READ_BY_LIBRARIES = {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
GATES = {"EvaluateModelFunction", "StartExecutionFunction"}
LONGEST_HANDLER = 80  # lines; a longer one hands its pure part to its subject's folder
SERVICE_ERRORS = re.compile(r"(States|Lambda)\.[A-Za-z]+")


@pytest.fixture(scope="module")
def states() -> dict[str, dict[str, Any]]:
    definition = json.loads((ROOT / "statemachine" / "pipeline.asl.json").read_text(encoding="utf-8"))
    states: dict[str, dict[str, Any]] = definition["States"]
    return states


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    resources = template["Resources"].items()
    return {name: r["Properties"] for name, r in resources if r["Type"] == "AWS::Lambda::Function"}


def variables(template: dict[str, Any], function: str) -> set[str]:
    return set(functions(template)[function]["Environment"]["Variables"])


def function_substitutions(template: dict[str, Any]) -> dict[str, Any]:
    """What the template puts in for the functions; the one more is the partition of every ARN."""
    given = dict(template["Resources"]["StateMachine"]["Properties"]["DefinitionSubstitutions"])
    assert given.pop("Partition") == {"Ref": "AWS::Partition"}
    return given


def test_every_task_has_a_function_and_a_substitution(
    template: dict[str, Any], states: dict[str, dict[str, Any]]
) -> None:
    """${XFunctionArn} in the definition is the ARN of the template's XFunction, and none is left over."""
    substitutions = function_substitutions(template)
    named = {state["Parameters"]["FunctionName"] for state in states.values() if state["Type"] == "Task"}

    assert named == {f"${{{name}}}" for name in substitutions}
    for name, value in substitutions.items():
        arn = {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}
        condition = template["Resources"][name.removesuffix("Arn")].get("Condition")
        assert value == ({"Fn::If": [condition, arn, "none"]} if condition else arn)


def test_the_state_machine_may_invoke_exactly_its_functions(template: dict[str, Any]) -> None:
    """A state added to the definition is added to the role."""
    substitutions = function_substitutions(template)
    (policy,) = template["Resources"]["StateMachineRole"]["Properties"]["Policies"]

    statement = next(s for s in policy["PolicyDocument"]["Statement"] if s["Action"] == "lambda:InvokeFunction")
    named = [
        {"Fn::If": [*value["Fn::If"][:2], {"Ref": "AWS::NoValue"}]} if "Fn::If" in value else value
        for value in substitutions.values()
    ]
    assert sorted(map(json.dumps, statement["Resource"])) == sorted(map(json.dumps, named))


def test_every_task_is_named_as_its_handler(states: dict[str, dict[str, Any]]) -> None:
    """One word joins a state, its file and its function; two states share another's, under the same role.

    A failure is reported by the handler that reports success, and a shadow deployed by the one that deploys.
    """
    shared = {"ReportFailure": "ReportOutcome", "DeployShadow": "DeployEndpoint"}
    for name, state in states.items():
        if state["Type"] == "Task":
            function = state["Parameters"]["FunctionName"][2:-1].removesuffix("FunctionArn")
            assert function == shared.get(name, name)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("ValidateDataset", Dataset),
        ("EvaluateModel", Evaluation),
        ("JudgeShadow", Verdict),
        ("CheckEndpoint", Check),
        ("RegisterScaling", Scaling),
    ],
)
def test_a_state_keeps_every_field_of_its_result(
    states: dict[str, dict[str, Any]], name: str, result: type[Boundary]
) -> None:
    """A field that a function gives and the definition does not select is lost without a word."""
    given = {declared.alias for declared in result.model_fields.values()}

    assert {selected.removesuffix(".$") for selected in states[name]["ResultSelector"]} == given


def test_every_function_names_a_handler_that_exists(template: dict[str, Any]) -> None:
    """XFunction is handlers/x.py with a function `handler`, deployed as STACK-x."""
    for name, function in functions(template).items():
        words = re.findall(r"[A-Z][a-z]+", name.removesuffix("Function"))
        module = "_".join(words).lower()
        source = ROOT / "handlers" / f"{module}.py"
        assert function["Handler"] == f"handlers.{module}.handler"
        assert function["FunctionName"] == {"Fn::Sub": "${AWS::StackName}-" + "-".join(words).lower()}
        assert re.search(r"^def handler\(", source.read_text(encoding="utf-8"), re.MULTILINE), source


def test_no_handler_is_longer_than_it_should_be() -> None:
    """What a state does is read on one screen."""
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob("handlers/*.py")}

    assert len(lengths) > 10
    assert {name: length for name, length in lengths.items() if length > LONGEST_HANDLER} == {}


def test_every_error_in_retry_and_catch_exists(states: dict[str, dict[str, Any]]) -> None:
    """ErrorEquals matches a class name of handlers/contract/errors.py, or a name that AWS gives."""
    named = {
        error
        for state in states.values()
        for rule in (*state.get("Retry", []), *state.get("Catch", []))
        for error in rule["ErrorEquals"]
    }

    for error in named:
        own = getattr(errors, error, None)
        assert SERVICE_ERRORS.fullmatch(error) or (isinstance(own, type) and issubclass(own, Exception)), error


def test_every_setting_is_set_and_every_variable_is_read(template: dict[str, Any]) -> None:
    """settings.py and the functions' common environment name the same variables."""
    read = {declared.name.upper() for declared in dataclasses.fields(Settings)}

    for name in set(functions(template)) - {"PredictFunction", "ValidateDatasetFunction", *GATES}:
        assert variables(template, name) == read | READ_BY_LIBRARIES, name


def test_the_gates_settings_are_the_gates_alone(template: dict[str, Any]) -> None:
    """Its function, and the one that knows what it has refused, have them beside what all have; some look ahead."""
    common = variables(template, "ComputeFeaturesFunction")

    gate = {declared.name.upper() for declared in dataclasses.fields(GateSettings)}
    for name in GATES:
        assert variables(template, name) - common == gate, name
    early = {declared.name.upper() for declared in dataclasses.fields(ClassSettings)}
    assert variables(template, "ValidateDatasetFunction") - common == early


def test_every_prediction_setting_is_set_and_read(template: dict[str, Any]) -> None:
    """The prediction function has what all have, and beside it exactly what it reads itself."""
    common = variables(template, "ComputeFeaturesFunction")
    read = {declared.name.upper() for declared in dataclasses.fields(PredictSettings)}

    assert read <= variables(template, "PredictFunction")
    assert variables(template, "PredictFunction") - common == read - common


def test_parameters_and_settings_allow_the_same_values(template: dict[str, Any]) -> None:
    """No value passes the template only to be refused by a handler in the middle of a run."""
    for settings in (Settings, GateSettings, PredictSettings):
        for declared in dataclasses.fields(settings):
            parameter = template["Parameters"].get("".join(part.capitalize() for part in declared.name.split("_")))
            if parameter is None:
                continue
            choices, low = declared.metadata.get("choices"), declared.metadata.get("low")
            if choices:
                assert set(parameter["AllowedValues"]) == set(choices), declared.name
            if low is not None:
                values = parameter.get("AllowedValues") or [parameter["MinValue"], parameter["MaxValue"]]
                assert low <= min(values) <= max(values) <= declared.metadata["high"], declared.name


def test_an_image_has_the_same_least_side_everywhere(template: dict[str, Any]) -> None:
    """Parameter, functions and training job take what datasets/limits.py says, and nothing smaller."""
    declared = declared_settings(TrainingConfig)["image_size"]
    bounds = (template["Parameters"]["ImageSize"]["MinValue"], template["Parameters"]["ImageSize"]["MaxValue"])

    assert bounds == declared.bounds == (MIN_IMAGE_SIDE, MAX_IMAGE_SIDE)


def test_the_template_gives_the_outputs_that_others_read(template: dict[str, Any]) -> None:
    """deploy.py and applications find everything under these names."""
    assert set(template["Outputs"]) == {
        "DataBucketName", "TableName", "StateMachineArn", "EndpointName", "PredictFunctionName", "PredictAliasArn",
        "PredictFunctionUrl",
        "StandbyFunctionName", "StartExecutionFunctionName", "TopicArn", "ModelPackageGroupName", "DashboardName",
    }  # fmt: skip
