"""`deploy.py endpoint stop` and `start`: the endpoint is taken away, or brought back, and waited for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from handlers.ledger import Ledger, Standby
from handlers.ledger.rows import minute
from ops.console import duration, say
from ops.errors import ExecutionError
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack

_MAX_SECONDS = 1800.0


@dataclass(frozen=True)
class Answer:
    """What the standby function says: where the endpoint stands, in one word and in words."""

    state: str
    words: str


def ask(session: Session, stack: Stack, wish: str) -> Answer:
    """Return what the function answers to Stop or Start.

    Raises:
        ExecutionError: it failed.
    """
    name = stack.output("StandbyFunctionName")
    answer = session.functions.invoke(FunctionName=name, Payload=json.dumps({wish: True}).encode())
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise ExecutionError(
            f"endpoint: function {name!r} failed: {payload.get('errorMessage', payload)};"
            f" see `deploy.py logs standby{session.flags}`"
        )
    return Answer(str(payload["State"]), str(payload["Words"]))


def stop(session: Session, stack: Stack) -> None:
    """Take the endpoint away and wait until it is gone.

    Raises:
        ExecutionError: it stays, and why.
    """
    answer = ask(session, stack, "Stop")
    if answer.state in {"serving", "none"}:
        raise ExecutionError(answer.words)
    say(answer.words)
    name = stack.output("EndpointName")
    seconds = _wait(session, lambda: answer.state != "stopping" or endpoints.find(session, name) is None)
    say(
        f"nothing of it is billed any more, after {duration(seconds)};"
        f" bring it back: deploy.py endpoint start{session.flags}"
    )


def start(session: Session, stack: Stack) -> None:
    """Bring the endpoint back and wait until it serves.

    Raises:
        ExecutionError: there is none to bring back, or it could not be started.
    """
    name, told = stack.output("EndpointName"), ""

    def is_there() -> bool:
        nonlocal told
        endpoint = endpoints.find(session, name)
        if endpoint and endpoint.status == "InService" and told:
            return True
        answer = ask(session, stack, "Start")
        if answer.state in {"none", "stopped"}:
            raise ExecutionError(f"{answer.words}; deploy a model with `deploy.py start DATASET{session.flags}`")
        if answer.state != told:
            say(answer.words)
            told = answer.state
        return answer.state == "serving"

    seconds = _wait(session, is_there)
    say(f"it serves, after {duration(seconds)}; try it: deploy.py predict PICTURE{session.flags}")


def _wait(session: Session, is_done: Callable[[], bool]) -> float:
    begun = time.monotonic()
    while not is_done():
        if time.monotonic() - begun > _MAX_SECONDS:
            raise ExecutionError(f"the endpoint still changes after {_MAX_SECONDS:.0f} s; look with `deploy.py status`")
        time.sleep(session.poll_seconds)
    return time.monotonic() - begun


def away(session: Session, stack: Stack) -> str:
    """Return what there is to say of the stack's endpoint where it is away, "" where it is not."""
    row = Standby.get(Ledger(stack, client=session.dynamodb), stack.output("EndpointName"))
    return words(row, session.flags)


def words(row: Standby | None, flags: str = "") -> str:
    """Return what `status` says of an endpoint that is away, "" for one that is not."""
    if row is None or not row.is_away:
        return ""
    since = f"stopped {minute(row.taken_at)} UTC"
    why = (
        "by hand" if row.by_hand else f"idle since {minute(row.idle_since)} UTC" if row.idle_since else "to be replaced"
    )
    if row.problem:
        return f"{since}, {why}; it could not be started: {row.problem}"
    then = "it is being started" if row.wanted_at else "the next prediction starts it, or"
    if row.by_hand and not row.wanted_at:
        then = "start it with"
    return f"{since}, {why}; {then}" + ("" if row.wanted_at else f" deploy.py endpoint start{flags}")
