"""`deploy.py rollback`: ask for the way back, after ending what is in its way if that is wished."""

from __future__ import annotations

from ops.console import say
from ops.datasets import starting
from ops.errors import ExecutionError
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack

_ENDING_SECONDS = 60.0
_DEPLOYING = {"DeployShadow", "DeployEndpoint", "CheckEndpoint", "RegisterScaling", "ReportOutcome"}


def rollback(session: Session, stack: Stack, run: str | None) -> str:
    """Start the run that goes back, to the model of `run` or to the one before, and return its ARN.

    Raises:
        ExecutionError: there is nothing to go back to, or another execution runs.
    """
    answer = starting.ask(
        session, stack, {"Reason": "rollback", "Run": run or ""}, f"rollback of stack {session.stack_name!r}"
    )
    if not answer.execution_arn:
        raise ExecutionError(answer.sentence)
    say(answer.sentence)
    return answer.execution_arn


def stop_running(session: Session, stack: Stack) -> None:
    """End the executions that run, unless they deploy already, which is soon over and must not be cut off.

    Raises:
        ExecutionError: one deploys just now.
    """
    for entry in executions.running(session, stack):
        going = executions.load(session, stack, entry["executionArn"])
        if going.states and going.states[-1].name in _DEPLOYING:
            raise ExecutionError(
                f"execution {going.name!r} is in {going.states[-1].name} and soon over; wait for its end with"
                f" `deploy.py watch {going.name}{session.flags}`, then go back"
            )
        session.stepfunctions.stop_execution(executionArn=going.arn, error="Stopped", cause="deploy.py rollback --stop")
        executions.wait_until_ended(session, going.arn, _ENDING_SECONDS)
        say(f"execution {going.name!r} was ended; its jobs are stopped within a few minutes")
