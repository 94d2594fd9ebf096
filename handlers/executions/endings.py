"""The end of an execution: its record is closed, its dataset knows, and its turn goes to the next."""

from typing import Any

from handlers.contract.names import is_trials_job
from handlers.contract.settings import Settings
from handlers.executions.launches import Answer, start_next
from handlers.ledger import Dataset, Ledger, Run, RunStatus, Serving, Turn

KEPT_TUNING_JOBS = 5


def end(name: str, status: str, ledger: Ledger, settings: Settings) -> Answer:
    """Note that an execution has ended, and start the dataset that has waited longest."""
    run, serving = Run.get(ledger, name), Serving.get(ledger, settings.endpoint_name)
    if serving and serving.execution_name == name:
        status = RunStatus.SUCCEEDED
    if run and run.is_open:
        run.close(ledger, status, _unreported(name, status))
    if run and run.dataset:
        Dataset.end(ledger, run.dataset, name, {"status": status, **_learned(run, ledger)})
    Turn.give_back(ledger, name)
    return start_next(ledger, settings)


def _learned(run: Run, ledger: Ledger) -> dict[str, Any]:
    """Return what the dataset's next tuning job may begin with: this run's, else one of those before it."""
    if not run.tuning_job_name or is_trials_job(run.tuning_job_name):
        return {}
    noted = Dataset.get(ledger, run.dataset or "")
    earlier = [name for name in noted.tuning_jobs() if name != run.tuning_job_name] if noted else []
    return {"tuning_job_name": run.tuning_job_name, "earlier_tuning_jobs": earlier[: KEPT_TUNING_JOBS - 1]}


def _unreported(name: str, status: str) -> str:
    """Return the reason of an execution whose report was cut short."""
    if status == RunStatus.SUCCEEDED:
        return f"execution {name!r} has put its model into production; its report was cut short"
    return f"execution {name!r} ended {status} before it could report; start it again with deploy.py upload"
