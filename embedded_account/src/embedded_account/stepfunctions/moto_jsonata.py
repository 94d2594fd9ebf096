"""Step Functions: expressions in JSONata, for which moto's interpreter wants a Java machine that it does not start.

Source: Step Functions developer guide, "Transforming data with JSONata in Step Functions".
"""

import hashlib
import json
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata as evaluation
from moto.stepfunctions.parser.asl.jsonata.jsonata import IllegalJSONataVariableReference, JSONataException
from moto.stepfunctions.parser.asl.utils.encoding import _DateTimeEncoder

from embedded_account.wiring.replacement import replace

_MAX_MILLISECONDS = 10_000
_MAX_DEPTH = 500
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_ERROR = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)


def install() -> None:
    """Evaluate JSONata in Python, with the functions that Step Functions adds to it."""
    assert evaluation._eval_jsonata is None, "moto evaluates JSONata by itself; was moto upgraded?"
    evaluation._eval_jsonata = evaluate
    for module in (states, variable_store):  # which leave quotes in texts as they are
        replace(module, "encode_jsonata_variable_declarations", declarations, parameters=("bindings",))
    replace(
        string_expression,
        "get_intrinsic_functions_declarations",
        lambda variable_references: "",
        parameters=("variable_references",),
    )
    _tell_failures()
    _catch_failed_outputs()


def _tell_failures() -> None:
    """Let an expression that fails be States.QueryEvaluationError, which a state may catch."""

    def eval_body(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except JSONataException as error:
            raise _failure(env, self.expression, str(error.details)) from error
        except IllegalJSONataVariableReference as error:
            reason = f"{error.variable_reference} is not available at this level"
            raise _failure(env, self.expression, reason) from error

    original = replace(StringJSONata, "_eval_body", eval_body, parameters=("self", "env"))


def _catch_failed_outputs() -> None:
    """Let a state's Catch see the failure of its own Output too, as that of everything else in it."""

    def eval_state_output(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except FailureEventException as error:
            if not self.catch or error.failure_event.error_name != _ERROR:
                raise
            env.states.set_error_output(self._construct_error_output_value(failure_event=error.failure_event))
            self._handle_catch(env=env, failure_event=error.failure_event)
            if env.stack[-1] is not CatchOutcome.Caught:
                raise

    original = replace(ExecutionState, "_eval_state_output", eval_state_output, parameters=("self", "env"))


def evaluate(expression: str) -> Any:
    """Return the value of an expression as JSON has it; None where it has none.

    Raises:
        JSONataException: it is none, fails, takes too long, or gives what JSON cannot hold, such as a function.
    """
    from jsonata import Jsonata

    try:
        compiled = Jsonata(expression)
        for name, function in _FUNCTIONS.items():
            compiled.register_lambda(name, function)
        compiled.environment.set_runtime_bounds(_MAX_MILLISECONDS, _MAX_DEPTH)
        return _plain(compiled.evaluate(None))
    except Exception as error:
        raise JSONataException(type(error).__name__, str(error)) from error


def _failure(env: Any, expression: str, reason: str) -> FailureEventException:
    cause = f"The JSONata expression '{expression}' threw an error during evaluation. {reason}"
    details: Any = EvaluationFailedEventDetails(cause=cause, error=_ERROR.error_name)
    told: Any = {"evaluationFailedEventDetails": details}
    env.event_manager.add_event(
        context=env.event_history_context, event_type=HistoryEventType.EvaluationFailed, event_details=told
    )
    return FailureEventException(
        failure_event=FailureEvent(
            env=env, error_name=_ERROR, event_type=HistoryEventType.EvaluationFailed, event_details=told
        )
    )


def declarations(bindings: Mapping[str, Any]) -> str:
    """Return the declarations of variables that stand before an expression; every value is written as JSON."""
    return "".join(
        f"{name}:={json.dumps(value, cls=_DateTimeEncoder, ensure_ascii=False)};" for name, value in bindings.items()
    )


def _plain(value: Any) -> Any:
    """Return `value` made of Python's own types; a number without a fraction is an integer, as in JavaScript."""
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(member) for member in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError("it returned an unsupported result type")


def _partition(array: Sequence[Any], size: float) -> list[list[Any]]:
    return [list(array[begin : begin + int(size)]) for begin in range(0, len(array), int(size))]


def _range(first: float, last: float, step: float) -> list[float]:
    count = int((last - first) / step) + 1
    return [first + number * step for number in range(max(0, count))]


def _hash(value: Any, algorithm: str) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: float | None = None) -> float:
    return random.Random(seed).random()  # noqa: S311 (what the function promises)


# What Step Functions adds; $eval is not there, and $parse reads JSON instead.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": lambda: str(uuid.uuid4()),
    "parse": json.loads,
}
