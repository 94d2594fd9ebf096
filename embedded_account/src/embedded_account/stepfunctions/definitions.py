"""What StateMachine definitions are refused: those that AWS refuses, and those that cannot be carried out here.

Source: Step Functions API reference, ValidateStateMachineDefinition (codes and locations of diagnostics), and the
Amazon States Language specification. moto's parser checks the grammar; what joins the states is checked here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.stepfunctions.sdk_services import SERVICES, operation_of
from embedded_account.wiring.refusals import not_carried_out

_LONGEST_NAME = 80
_NEED_NO_NEXT = ("Choice", "Succeed", "Fail")
_QUALIFIER = re.compile(r"\$LATEST|[A-Za-z0-9_-]{1,128}")
# The .sync tasks that are carried out.
_WAITED_FOR = re.compile(
    r"arn:[^:]+:states:[^:]*:[^:]*:"
    r"(?:states:startExecution\.sync(?::2)?|sagemaker:create(?:TrainingJob|TransformJob|HyperParameterTuningJob)\.sync)"
)
_CALL = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:(?:aws-sdk:)?(?P<service>\w+):(?P<action>\w+)(?:\.\w+(?::2)?)?")
_OPTIMIZED = {"events": "eventbridge", "states": "sfn"}  # services by other names than those of aws-sdk tasks
_OF_STATES = ("Branches", "ItemProcessor", "Iterator")
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector")


def check(text: str) -> dict[str, Any]:
    """Return the definition in `text`.

    Raises:
        ServiceError: InvalidDefinition with every diagnostic, or NotImplemented for what is not carried out here.
    """
    try:
        definition = json.loads(text)
    except ValueError as error:
        raise invalid(f"INVALID_JSON_DESCRIPTION: {error}") from error
    if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict):
        raise invalid("SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt, States]")
    scopes = list(_scopes(definition, ""))
    if problems := [problem for path, scope in scopes for problem in _problems(path, scope)]:
        raise invalid(", ".join(problems))
    for path, scope in scopes:
        _refuse_what_is_not_carried_out(path, scope)
    return definition


def invalid(diagnostics: str) -> ServiceError:
    """Return the error that CreateStateMachine and UpdateStateMachine answer for `diagnostics`."""
    return ServiceError("InvalidDefinition", f"Invalid State Machine Definition: '{diagnostics}'")


def _scopes(scope: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every set of states with its path; transitions never leave their own set."""
    yield path, scope
    for name, state in scope["States"].items():
        inner = [(f"Branches[{i}]", branch) for i, branch in enumerate(state.get("Branches", []))]
        inner += [(field, state[field]) for field in ("ItemProcessor", "Iterator") if field in state]
        for field, states in inner:
            if isinstance(states, dict) and isinstance(states.get("States"), dict):
                yield from _scopes(states, f"{path}/States/{name}/{field}")


def _problems(path: str, scope: dict[str, Any]) -> Iterator[str]:
    states = scope["States"]
    transitions = list(_transitions(scope))
    for where, target in transitions:
        if target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {path}{where}"
    for name, state in states.items():
        yield from _problems_of(state, name, f"{path}/States/{name}")
        if state.get("QueryLanguage", scope.get("QueryLanguage")) == "JSONata":
            yield from _expression_problems(state, f"{path}/States/{name}")
    if not any(state.get("End") or state.get("Type") in ("Succeed", "Fail") for state in states.values()):
        yield "MISSING_END_STATE: Workflow has no terminal state"
    else:
        reached = {target for _, target in transitions}
        for name in (name for name in states if name not in reached):
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {path}/States/{name}'


def _transitions(scope: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the place of each transition and the state it leads to."""
    yield "/StartAt", scope.get("StartAt")
    for name, state in scope["States"].items():
        where = f"/States/{name}"
        yield from ((f"{where}/{field}", state[field]) for field in ("Next", "Default") if field in state)
        for field in ("Choices", "Catch"):
            for i, rule in enumerate(state.get(field, [])):
                if "Next" in rule:
                    yield f"{where}/{field}[{i}]/Next", rule["Next"]


def _problems_of(state: dict[str, Any], name: str, path: str) -> Iterator[str]:
    if len(name) > _LONGEST_NAME:
        yield f"SCHEMA_VALIDATION_FAILED: State name has {len(name)} characters, more than {_LONGEST_NAME} at {path}"
    if state.get("Type") not in _NEED_NO_NEXT and ("Next" in state) == bool(state.get("End")):
        yield f"SCHEMA_VALIDATION_FAILED: One of these fields is required: [Next, End] at {path}"
    for field in _TEMPLATES:
        yield from _twice(state.get(field), f"{path}/{field}")
    yield from _call_problems(state, path)
    function = re.match(r"arn:[^:]*:lambda:[^:]*:[^:]*:function:[^:]+:(.*)", str(state.get("Resource", "")))
    if function and not _QUALIFIER.fullmatch(function[1]):
        yield f"SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at {path}/Resource"


def _call_problems(state: dict[str, Any], path: str) -> Iterator[str]:
    """Yield what is wrong with a call: an action that its service has not, fields that its action has not.

    Services that the account lacks are not looked at.
    """
    resource = str(state.get("Resource", ""))
    call = _CALL.fullmatch(resource)
    service = _OPTIMIZED.get(call["service"], call["service"]) if call else ""
    if call is None or service not in SERVICES:
        return
    operation = operation_of(service, call["action"])
    if operation is None:
        yield (
            f"SCHEMA_VALIDATION_FAILED: The resource provided {resource} is not recognized. The value is not a valid"
            f" resource ARN, or the resource is not available in this region. at {path}/Resource"
        )
        return
    members = operation.input_shape.members if operation.input_shape is not None else {}
    known = {name[:1].upper() + name[1:] for name in members}
    for part in ("Parameters", "Arguments"):
        fields = state.get(part)
        named = [field.removesuffix(".$") for field in (fields if isinstance(fields, dict) else ())]
        for field in (field for field in named if field not in known):
            what = f'The field "{field}" is not supported by Step Functions'
            yield f"SCHEMA_VALIDATION_FAILED: {what} at {path}/{part}"


def _expression_problems(value: Any, path: str) -> Iterator[str]:
    """Yield the JSONata expressions in a state that are none; states within it are looked at by themselves."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key not in _OF_STATES:
                yield from _expression_problems(member, f"{path}/{key}")
    elif isinstance(value, list):
        for i, member in enumerate(value):
            yield from _expression_problems(member, f"{path}[{i}]")
    elif isinstance(value, str) and value.startswith("{%") and (problem := _problem_of_expression(value)):
        yield f"INVALID_JSONATA_EXPRESSION: {problem} at {path}"


def _problem_of_expression(text: str) -> str:
    if not text.endswith("%}"):
        return "the expression does not end with %}"
    from jsonata import Jsonata

    try:
        Jsonata(text[2:-2])
    except Exception as error:  # noqa: BLE001 (the parser raises whatever it meets)
        return str(error)
    return ""


def _twice(template: Any, path: str) -> Iterator[str]:
    """Yield the fields of a payload template that are given both as a value and as a path."""
    if isinstance(template, dict):
        for key, value in template.items():
            if f"{key}.$" in template:
                yield f"SCHEMA_VALIDATION_FAILED: The field '{key}' is given twice, as a value and as a path at {path}"
            yield from _twice(value, f"{path}/{key}")
    elif isinstance(template, list):
        for i, value in enumerate(template):
            yield from _twice(value, f"{path}[{i}]")


def _refuse_what_is_not_carried_out(path: str, scope: dict[str, Any]) -> None:
    languages = [(path, scope), *((f"{path}/States/{name}", state) for name, state in scope["States"].items())]
    for where, part in languages:
        resource = str(part.get("Resource", ""))
        if part.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            raise not_carried_out(f"{where}/ProcessorConfig/Mode: 'DISTRIBUTED'", "use INLINE")
        if ":activity:" in resource or (".sync" in resource and not _WAITED_FOR.fullmatch(resource)):
            raise not_carried_out(f"{where}/Resource: {resource!r}", "use .waitForTaskToken")
