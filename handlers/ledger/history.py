"""Which models have served, in what order, and which one a rollback goes to; told by the run records alone.

Several runs may deploy one model: the one that trained it, and those that deployed it again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from handlers.contract.errors import RollbackError
from handlers.contract.names import run_key_of
from handlers.ledger.runs import Run, RunStatus


@dataclass(frozen=True)
class Rollback:
    """The run that trained the model to go back to, and the one whose model is left and marked, if any is."""

    target: str
    leaves: str = ""


def origin(run: Run) -> str:
    """Return the name of the run whose model, judged and registered by it, this one deployed: its own, mostly."""
    if run.redeploys or run.reused:  # what was found is judged anew
        return run.redeploys or run.execution_name
    return run.training_job_name or run.execution_name


def served(runs: Iterable[Run]) -> list[Run]:
    """Return the runs that put a model into production, the newest first."""
    return _newest_first(run for run in runs if run.status == RunStatus.SUCCEEDED)


def way_back(asked: str, runs: Mapping[str, Run], serves: str, noted: str, rejected: Collection[str] = ()) -> Rollback:
    """Return what a rollback does: to the model of the run `asked`, or to the one that served before.

    `serves` is the config that the endpoint serves, "" for none; `noted` is the run that was last put into production.
    A model that was rolled back itself is passed over unless it is asked for; then nothing is marked, and its own mark
    goes, since who goes forward again has nothing against the other one. Runs in `rejected` are passed over.

    Raises:
        RollbackError: there is none, or it serves already.
    """
    serving = runs.get(serves or noted)
    target = _asked(asked, runs) if asked else _before(serving, runs, rejected)
    name = origin(target)
    if serves and serving and name == origin(serving):
        raise RollbackError(f"the endpoint serves the model of {name!r} already; `deploy.py models` lists the others")
    is_forward = _is_rolled_back(name, runs)
    return Rollback(name, "" if is_forward or serving is None else origin(serving))


def withdrawn(dataset_name: str, fingerprint: str, run_key: str, runs: Iterable[Run]) -> Run | None:
    """Return the last run that trained on this content, if its model was rolled back, or rejected by a person.

    With an empty `run_key` code and settings do not count, but the data alone.
    """
    same = [
        run
        for run in _newest_first(run for run in runs if run.status == RunStatus.SUCCEEDED or run.rejected_at)
        if (run.dataset, run.fingerprint) == (dataset_name, fingerprint)
        and origin(run) == run.execution_name
        and run_key in ("", run_key_of(run.execution_name))
    ]
    return same[0] if same and (same[0].rolled_back_at or same[0].rejected_at) else None


def _asked(name: str, runs: Mapping[str, Run]) -> Run:
    run = runs.get(name)
    if run is None:
        raise RollbackError(f"run {name!r}: there is no record of it; `deploy.py models` lists those that have served")
    if run.status != RunStatus.SUCCEEDED:
        raise RollbackError(
            f"run {name!r} ended {run.status}, so its model has never served; `deploy.py models` lists those that have"
        )
    return run


def _before(serving: Run | None, runs: Mapping[str, Run], rejected: Collection[str]) -> Run:
    """Return the run before the one that serves; after a rollback, the one before the model that was gone back to."""
    since = serving
    if serving and serving.rolls_back is not None:
        since = runs.get(origin(serving), serving)
    for run in served(runs.values()):
        is_older = since is None or _ended(run) < _ended(since)
        is_other = serving is None or origin(run) != origin(serving)
        if is_older and is_other and origin(run) not in rejected and not _is_rolled_back(origin(run), runs):
            return run
    if not served(runs.values()):
        raise RollbackError("no model has served yet; start with `deploy.py upload FOLDER --dataset NAME`")
    model = f"that of {origin(serving)!r}" if serving else "what serves"
    raise RollbackError(
        f"no model has served before {model}; `deploy.py models` lists all, `deploy.py rollback RUN` takes one"
    )


def _newest_first(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=_ended, reverse=True)


def _is_rolled_back(name: str, runs: Mapping[str, Run]) -> bool:
    return name in runs and runs[name].rolled_back_at is not None


def _ended(run: Run) -> str:
    return run.ended_at or run.started_at or ""
