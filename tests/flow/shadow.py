"""Copies of live requests for the next model of a stack, without the two minutes that what is measured may be late."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import embedded_account
from tests.flow.deployment import Deployment

_FUNCTIONS = ("deploy-endpoint", "judge-shadow")
_LATENESS_SECONDS = 118.0
_CAPTURE_SECONDS = 61.0


@contextmanager
def shadow_of_next_model(stack: Deployment) -> Iterator[None]:
    """Let the next model have a copy of every request for half a minute; others have none again afterwards."""
    asked = {"SHADOW_PERCENT": "100", "SHADOW_SECONDS": "30", "SHADOW_MAX_LATENCY_RATIO": "100"}
    kept = {name: _configure(stack, name, asked) for name in _FUNCTIONS}
    done = threading.Event()
    hurrying = threading.Thread(target=_hurry, args=(stack, done))
    hurrying.start()
    try:
        yield
    finally:
        done.set()
        hurrying.join()
        for name, variables in kept.items():
            _configure(stack, name, variables)


def _configure(stack: Deployment, function: str, changes: dict[str, str]) -> dict[str, str]:
    """Change variables of a function; return what they were."""
    client, name = stack.client("lambda"), f"{stack.name}-{function}"
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables | changes})
    return {key: variables[key] for key in changes}


def _hurry(stack: Deployment, done: threading.Event) -> None:
    """Put the clock forward once requests are copied, by what the measurements may be late."""
    while not done.wait(0.5):
        arn = stack.executions()[0]["executionArn"]
        history: Any = stack.client("stepfunctions").get_execution_history(executionArn=arn, reverseOrder=True)
        entered = [one.get("stateEnteredEventDetails", {}).get("name") for one in history["events"]]
        if "WaitForShadow" in entered:
            done.wait(5)  # of requests that are copied meanwhile: twenty seconds of the account's
            embedded_account.advance_clock(stack.account.info, _CAPTURE_SECONDS)
            done.wait(2)  # until what was captured is in S3
            embedded_account.advance_clock(stack.account.info, _LATENESS_SECONDS - _CAPTURE_SECONDS)
            return
