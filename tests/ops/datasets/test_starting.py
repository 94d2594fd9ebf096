"""ops/datasets/starting.py: what start_execution answers, as the command line shows it."""

import io
import json
from typing import Any

import pytest

from ops.datasets import starting
from ops.errors import ExecutionError
from ops.session import Session
from ops.stack.stacks import Stack

STACK = Stack("id", "CREATE_COMPLETE", {"StartExecutionFunctionName": "pets-start-execution"}, {})
ARN = "arn:aws:states:us-east-1:123456789012:execution:pets-pipeline:flowers-1"


class Functions:
    """Lambda, where one function gives one answer; `events` are those that it was invoked with."""

    def __init__(self, answer: dict[str, Any], error: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self._answer, self._error = answer, error

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        assert FunctionName == "pets-start-execution"
        self.events.append(json.loads(Payload))
        failed = {"FunctionError": self._error} if self._error else {}
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode()), **failed}


def session_with(functions: Functions) -> Session:
    session = Session("pets", "us-east-1", "123456789012")
    session.__dict__["functions"] = functions
    return session


@pytest.mark.parametrize("is_started", [True, False])
def test_the_execution_is_given_whoever_started_it(is_started: bool) -> None:
    """Asked for by hand while the event has come as well: the one execution, and the function's sentence."""
    functions = Functions({"Started": is_started, "Reason": "it runs", "ExecutionArn": ARN})

    reaction = starting.start(session_with(functions), STACK, "flowers")

    assert (reaction.execution_arn, reaction.sentence) == (ARN, "it runs")
    assert functions.events == [{"Reason": "manual", "Dataset": "flowers", "Force": False}]


def test_a_refusal_has_no_execution() -> None:
    """The sentence says why."""
    reaction = starting.start(session_with(Functions({"Started": False, "Reason": "nothing to do"})), STACK, "flowers")

    assert (reaction.execution_arn, reaction.sentence) == ("", "nothing to do")


def test_a_function_that_failed_is_told_in_words() -> None:
    """With its own message and where its log is."""
    functions = Functions({"errorMessage": "no table", "errorType": "AwsNotFoundError"}, "Unhandled")

    with pytest.raises(ExecutionError, match=r"failed: no table; see `deploy\.py logs start-execution"):
        starting.start(session_with(functions), STACK, "flowers")
