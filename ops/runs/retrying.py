"""`deploy.py retry`: ask for a new execution on the data of one that has ended."""

from __future__ import annotations

from ops.console import say
from ops.datasets import starting
from ops.errors import ExecutionError
from ops.session import Session
from ops.stack.stacks import Stack


def retry(session: Session, stack: Stack, run: str | None, state: str | None) -> str:
    """Start the execution that goes on with `run` (the last one by default), and return its ARN.

    Raises:
        ExecutionError: there is nothing to retry, or another execution runs.
    """
    asked = {"Reason": "retry", "Run": run or "", "From": state or ""}
    answer = starting.ask(session, stack, asked, f"retry of {run or 'the last run'}")
    if not answer.execution_arn:
        raise ExecutionError(answer.sentence)
    say(answer.sentence)
    return answer.execution_arn
