"""Step Functions: definitions are refused as AWS refuses them, and parsed apart from each other, each text once."""

import pickle
from functools import lru_cache
from typing import Any

from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from embedded_account.stepfunctions import definitions
from embedded_account.wiring.replacement import replace


def install() -> None:
    """Check each definition when it is created or updated; give each parser its own scopes."""
    replace(StepFunctionsParserBackend, "_validate_definition", staticmethod(_validate), parameters=("definition",))
    replace(ExecutionWorker, "_get_evaluation_entrypoint", _entrypoint, parameters=("self",))
    _separate_scopes()
    _log_no_data_by_default()


def _log_no_data_by_default() -> None:
    """A machine that logs nothing says so of its data too. Source: API reference, LoggingConfiguration."""
    made = StateMachine.__init__

    def initialise(self: Any, *positional: Any, **named: Any) -> None:
        made(self, *positional, **named)
        self.loggingConfiguration = {"includeExecutionData": False} | self.loggingConfiguration

    StateMachine.__init__ = initialise  # type: ignore[method-assign]


def _validate(definition: str) -> None:
    definitions.check(definition)
    try:
        _packed(definition)
    except ASLParserException as error:
        raise definitions.invalid(f"SCHEMA_VALIDATION_FAILED: {', '.join(error.errors)}") from error
    except Exception as error:  # whatever the interpreter meets in a definition, the definition is at fault
        raise definitions.invalid(f"SCHEMA_VALIDATION_FAILED: {error}") from error


def _entrypoint(self: Any) -> Any:
    """Return the execution's own program: parsing takes a tenth of a second of a core, unpacking 3 ms."""
    definition = self._evaluation_details.state_machine_details.definition
    packed = _packed(definition)
    return _parsed(definition) if packed is None else pickle.loads(packed)  # noqa: S301 (packed below)


@lru_cache(maxsize=64)
def _packed(definition: str) -> bytes | None:
    """Return the program of a definition, packed; None for one that cannot be, such as one that is nested too deep."""
    program = _parsed(definition)
    try:
        return pickle.dumps(program)
    except (RecursionError, pickle.PicklingError, AttributeError, TypeError):
        return None


def _parsed(definition: str) -> Any:
    return AmazonStateLanguageParser.parse(definition)[0]


def _separate_scopes() -> None:
    """moto keeps the query languages of open scopes in one list for all parsers; a failed one spoils it for good."""
    assert Preprocessor._query_language_per_scope == [], "the scopes of the preprocessor moved; was moto upgraded?"

    def visit_state_machine(self: Any, ctx: Any) -> Any:
        self._query_language_per_scope = []
        return original(self, ctx)

    original = replace(Preprocessor, "visitState_machine", visit_state_machine, parameters=("self", "ctx"))
