"""The way back: a run that deploys an earlier model again, guarded as every deployment is, and trains nothing.

It is an execution of the same state machine that enters at deployment, so that history, permissions, notifications and
the record of what serves are those of any other run.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handlers.aws.logs import logger
from handlers.contract.errors import RollbackError
from handlers.contract.names import execution_name, run_key_of
from handlers.contract.settings import Settings
from handlers.executions import turns
from handlers.executions.launches import Answer, Decision, begin, next_attempt, refused
from handlers.executions.redeployments import KeptModel, serving_config, stored_model
from handlers.ledger import Ledger, Run, RunStatus, Serving, Turn
from handlers.ledger.history import Rollback, way_back
from handlers.ledger.rows import now


def on_rollback(event: Mapping[str, Any], ledger: Ledger, settings: Settings) -> Answer:
    """Start the run that goes back to the model of the run that is named, or to the one that served before."""
    asked = event.get("Run") or ""
    if not isinstance(asked, str):
        return refused(f"Run: {asked!r}; expected the name of a run, as `deploy.py models` lists them")
    runs = {run.execution_name: run for run in Run.all(ledger)}
    if going := _going(asked, runs, ledger, settings):
        return going
    try:
        rollback, kept = _chosen(asked, runs, ledger, settings)
    except RollbackError as error:
        return refused(str(error))
    if kept.problem:
        return refused(
            f"the model of {rollback.target!r} cannot be deployed again ({kept.problem}); `deploy.py models` lists "
            "the others, `deploy.py rollback RUN` takes one"
        )
    return _launch(rollback, kept, ledger, settings)


def _chosen(asked: str, runs: Mapping[str, Run], ledger: Ledger, settings: Settings) -> tuple[Rollback, KeptModel]:
    """Return the way back and its model; one that a person has rejected never serves again.

    Raises:
        RollbackError: there is none, or the one that is asked for was rejected.
    """
    noted, serves = Serving.get(ledger, settings.endpoint_name), serving_config(ledger, settings)
    rejected: set[str] = set()
    while True:
        rollback = way_back(asked, runs, serves, noted.execution_name if noted else "", rejected)
        kept, run = stored_model(rollback.target, settings), runs.get(rollback.target)
        if not kept.rejected or (run and run.rolled_back_at):  # a rollback rejects what it leaves, and is no verdict
            return rollback, kept
        if asked:
            raise RollbackError(
                f"the model of {rollback.target!r} was {kept.rejected}; if it may serve after all, `deploy.py approve "
                f"{rollback.target}` first"
            )
        rejected.add(rollback.target)


def run_input(rollback: Rollback, kept: KeptModel) -> dict[str, Any]:
    """Return the execution's input: the results of the run that is gone back to, of which only deployment is repeated.

    `Leaves` is what the state machine tells a rollback by.
    """
    trigger = {"Reason": "rollback", "Redeploys": rollback.target, "Leaves": rollback.leaves}
    return {**kept.results, "Trigger": trigger}


def put_into_production(execution: str, ledger: Ledger, settings: Settings) -> None:
    """Note that this execution's model serves, and mark the one that it has taken the place of by a rollback."""
    Serving.note(ledger, settings.endpoint_name, execution)
    run = Run.get(ledger, execution)
    if run is None or run.rolls_back is None:
        return
    if run.rolls_back:
        mark = {"rolled_back_at": now(), "rolled_back_by": execution}
        Run(run.rolls_back).change(ledger, mark, "attribute_exists(#Id)")
    if run.redeploys:
        Run(run.redeploys).change(ledger, {"rolled_back_at": None, "rolled_back_by": None}, "attribute_exists(#Id)")


def _going(asked: str, runs: Mapping[str, Run], ledger: Ledger, settings: Settings) -> Answer | None:
    """Answer for the execution that runs, if one does: this very rollback, or one that must end first."""
    holder = Turn.holder(ledger)
    if holder is None or turns.turn_is_free(ledger, settings):
        return None
    name = holder.execution_name
    run = runs.get(name)
    if run and run.rolls_back is not None and asked in ("", run.redeploys):
        return refused(f"execution {name!r} goes back to the model of {run.redeploys!r} already", Decision.RUNS, name)
    waits = run.approval_words if run else ""
    return refused(
        f"execution {name!r} runs, and one does at a time{waits}; wait for its end with `deploy.py watch {name}`, or "
        "end it with `deploy.py rollback --stop`"
    )


def _launch(rollback: Rollback, kept: KeptModel, ledger: Ledger, settings: Settings) -> Answer:
    dataset = kept.results["Dataset"]
    key = run_key_of(rollback.target)
    while True:  # an execution of the name that has ended unnoted leads to the next attempt
        number, _ = next_attempt(dataset["Name"], key, ledger)
        name = execution_name(dataset["Name"], key, number)
        if turns.take_turn(ledger, settings, name):
            runs = {run.execution_name: run for run in Run.all(ledger)}
            return _going("", runs, ledger, settings) or refused("another execution has just ended; try again")
        run = Run(
            name, status=RunStatus.STARTING, dataset=dataset["Name"], fingerprint=dataset["Fingerprint"],
            started_at=now(), remark=_sentence(rollback), redeploys=rollback.target, rolls_back=rollback.leaves,
        )  # fmt: skip
        if begin(run, run_input(rollback, kept), ledger, settings):
            logger.info("rollback started", execution_name=name, redeploys=rollback.target, leaves=rollback.leaves)
            return Answer(Decision.STARTED, f"{_sentence(rollback)}: execution {name!r} started", name)
        status = turns.execution_status(settings, name)
        if status in turns.GOING:
            return refused(f"execution {name!r} was started before", Decision.RUNS, name)
        replace(run, status=status).report(ledger)


def _sentence(rollback: Rollback) -> str:
    if rollback.leaves:
        return f"back from the model of {rollback.leaves!r} to that of {rollback.target!r}, without training"
    return f"to the model of {rollback.target!r}, without training"
