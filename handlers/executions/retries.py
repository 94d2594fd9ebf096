"""`deploy.py retry`: a new execution on the data of one that has ended; what that has finished is not paid again.

By itself it goes on where the other one failed, since every state finds its own earlier result. `From` names a state
from which on nothing is taken.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from handlers.contract.bearing import STATES
from handlers.contract.errors import RetryError
from handlers.contract.names import run_key_of
from handlers.contract.settings import Settings
from handlers.datasets.fingerprint import fingerprint_of
from handlers.executions import turns
from handlers.executions.launches import Answer, Decision, Request, decide, refused
from handlers.executions.requests import locate
from handlers.ledger import Ledger, Run, RunStatus


def on_retry(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Start the execution that is asked for, or say in words why there is nothing to retry."""
    name, state = event.get("Run") or "", event.get("From") or ""
    try:
        run = _asked(name, ledger)
        if run.is_open and turns.execution_status(settings, run.execution_name) in turns.GOING:
            return refused(f"execution {run.execution_name!r} still runs", Decision.RUNS, run.execution_name)
        redo_from = first_redone(run, state)
        if not redo_from:
            refuse_what_is_done(run, Run.all(ledger))
        request = _request(run, redo_from, ledger, settings)
    except RetryError as error:
        return refused(str(error))
    answer = decide(request, ledger, settings)
    if answer.decision is Decision.WAITS:
        return refused(f"another execution runs, and one does at a time; retry when it has ended ({answer.reason})")
    return answer


def first_redone(run: Run, state: str) -> str:
    """Return the state from which on all is done anew, "" to go on where the run failed.

    Raises:
        RetryError: there is no such state, the run did not come as far, or it succeeded and no state is named.
    """
    if run.rolls_back is not None:
        raise RetryError(f"run {run.execution_name!r} was a rollback; ask for it again with `deploy.py rollback`")
    if state and state not in STATES:
        raise RetryError(f"state {state!r}: is no state that can be redone; expected one of {', '.join(STATES)}")
    if run.status == RunStatus.SUCCEEDED and not state:
        raise RetryError(
            f"run {run.execution_name!r} succeeded, so nothing is to be retried; `--from STATE` redoes it from there"
        )
    failed = run.failed_state
    if state and failed in STATES and STATES.index(state) > STATES.index(failed):
        raise RetryError(
            f"run {run.execution_name!r} failed in {failed}, so nothing of {state} is there; leave --from out, and it "
            "goes on there"
        )
    return state


def refuse_what_is_done(run: Run, runs: Iterable[Run]) -> None:
    """Refuse to go on with a run that another one has brought to its end since.

    Raises:
        RetryError: naming that one.
    """
    for other in runs:
        is_same = (other.dataset, run_key_of(other.execution_name)) == (run.dataset, run_key_of(run.execution_name))
        if is_same and other.status == RunStatus.SUCCEEDED and (other.started_at or "") > (run.started_at or ""):
            raise RetryError(
                f"run {other.execution_name!r} has succeeded on the same data, code and settings since, so nothing is "
                "to be retried"
            )


def _asked(name: str, ledger: Ledger) -> Run:
    """Return the run of this name, or the last one."""
    if not isinstance(name, str):
        raise RetryError(f"Run: {name!r}; expected the name of a run, as `deploy.py status` shows it")
    runs = [Run.get(ledger, name)] if name else sorted(Run.all(ledger), key=lambda run: run.started_at or "")
    run = runs[-1] if runs else None
    if run is None or not run.dataset:
        what = f"run {name!r}: there is no record of it" if name else "there is no run yet"
        raise RetryError(f"{what}; start one with `deploy.py upload FOLDER --dataset NAME`")
    return run


def _request(run: Run, redo_from: str, ledger: Ledger, settings: Settings) -> Request:
    """Return a wish for a run on the same data.

    Raises:
        RetryError: they are gone, or are others by now.
    """
    dataset = str(run.dataset)
    request = locate(dataset, "retry", ledger, settings)
    if request is None:
        raise RetryError(
            f"dataset {dataset!r} of run {run.execution_name!r} is no longer in the bucket; upload it again"
        )
    if fingerprint_of(request.s3_uri) != run.fingerprint:
        raise RetryError(
            f"the data of run {run.execution_name!r} are others by now; start on what is there with `deploy.py start "
            f"{dataset}`, or restore what was with `deploy.py data restore {run.execution_name} PATHS --to FOLDER`"
        )
    return Request(dataset, request.s3_uri, "retry", True, True, request.modified_at, redo_from)
