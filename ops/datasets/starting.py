"""`deploy.py start`: an execution on a dataset that is in the bucket already, asked of start_execution itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ops.datasets.reactions import Reaction
from ops.errors import ExecutionError
from ops.session import Session
from ops.stack.stacks import Stack


def start(session: Session, stack: Stack, dataset: str, *, is_forced: bool = False) -> Reaction:
    """Return the execution that has started, or that runs on the same content, and what the function says of it.

    However often it is asked, and although an event may ask for it as well, one execution starts.

    Raises:
        ExecutionError: the function failed.
    """
    return ask(session, stack, {"Reason": "manual", "Dataset": dataset, "Force": is_forced}, f"dataset {dataset!r}")


def ask(session: Session, stack: Stack, event: Mapping[str, Any], what: str) -> Reaction:
    """Return what the function answers to an event.

    Raises:
        ExecutionError: it failed; the message begins with `what`.
    """
    name = stack.output("StartExecutionFunctionName")
    answer = session.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise ExecutionError(
            f"{what}: function {name!r} failed: {payload.get('errorMessage', payload)};"
            f" see `deploy.py logs start-execution{session.flags}`"
        )
    return Reaction(str(payload.get("ExecutionArn", "")), str(payload["Reason"]))
