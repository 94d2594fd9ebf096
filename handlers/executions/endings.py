"""The end of an execution: its record is closed, its dataset knows, and its turn goes to the next."""

from handlers.contract.settings import Settings
from handlers.executions.launches import Answer, start_next
from handlers.ledger import Dataset, Ledger, Run, Turn


def end(name: str, status: str, ledger: Ledger, settings: Settings) -> Answer:
    """Note that an execution has ended, and start the dataset that has waited longest."""
    run = Run.get(ledger, name)
    if run and run.is_open:
        said = f"execution {name!r} ended {status} before it could report; start it again with deploy.py upload"
        run.close(ledger, status, said)
    if run and run.dataset:
        changes = {"status": status}
        if run.tuning_job_name:  # the next tuning job of the dataset begins with what this one has learned
            changes["tuning_job_name"] = run.tuning_job_name
        Dataset.end(ledger, run.dataset, name, changes)
    Turn.give_back(ledger, name)
    return start_next(ledger, settings)
