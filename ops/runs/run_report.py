"""What the page of a run tells, gathered from its execution, its jobs, its record and its lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handlers.contract import names
from ops.console import duration
from ops.errors import ReportError, unless_gone
from ops.prices.words import money
from ops.runs import lineage, status_page, training_logs
from ops.runs.executions import Execution
from ops.session import Session
from ops.stack import endpoints, standby
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from datetime import datetime

    from reports.run_page import Bar, RunPage

PAGE = "run.html"
# Under which subject each row of the status page stands; what is not named here is part of the result.
_SUBJECTS = {
    "data": "Data", "tuning": "Tuning and training", "found": "Tuning and training", "served in": "Tuning and training",
    "gate": "Gate", "approval": "Gate", "model card": "Lineage", "cost": "Cost",
}  # fmt: skip
_JOBS = (
    ("UnpackArchive", "unpacking job", names.unpacking_job_name),
    ("ComputeFeatures", "features job", names.features_job_name),
    ("StartTrainingJob", "training job", names.training_job_name),
)


def write(session: Session, stack: Stack, execution: Execution, folder: Path, links: Mapping[str, str]) -> Path:
    """Write the page of a run into `folder`, with links to the files there, and return its path."""
    from reports.run_page import run_page

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PAGE
    path.write_text(run_page(page_of(session, stack, execution, links)), encoding="utf-8")
    return path


def page_of(session: Session, stack: Stack, execution: Execution, links: Mapping[str, str]) -> RunPage:
    """Return what the page of a run tells."""
    from reports.findings import Finding
    from reports.run_page import RunPage

    run = execution.record
    told = status_page.outcome(execution)
    kind = {"SUCCEEDED": "good", "RUNNING": "note"}.get(execution.status, "warn")
    result = [Finding(kind, f"{name}: {words}") for name, words in told if name not in _SUBJECTS]
    tiles = {
        "Status": execution.status,
        "Test accuracy": "-" if run is None or run.accuracy is None else f"{run.accuracy:.4f}",
        "Took": duration(execution.seconds),
        "Jobs cost": "-" if run is None or run.dollars is None else money(run.dollars),
    }
    return RunPage(
        name=execution.name,
        status=execution.status,
        dataset=execution.dataset or "unknown",
        tiles=tiles,
        bars=bars(session, execution),
        findings=result,
        sections=_sections(session, stack, execution, told),
        links=links,
    )


def bars(session: Session, execution: Execution) -> list[Bar]:
    """Return a bar for each state in the order in which they ran, each followed by its jobs."""
    from reports.run_page import Bar

    made: list[Bar] = []
    for state in execution.states:
        ended = state.ended_at or state.looked_at
        if ended is None:
            continue
        made.append(Bar(state.name, state.status, state.started_at, ended))
        made += [
            Bar(name, status, max(began, state.started_at), over, is_job=True)
            for name, status, began, over in _jobs(session, execution, state.name, ended)
        ]
    return made


def _jobs(
    session: Session, execution: Execution, state: str, until: datetime
) -> Iterable[tuple[str, str, datetime, datetime]]:
    if state == "StartTuningJob":
        trials = training_logs.trials(session, names.tuning_job_name(execution.name))
        known = [(f"trial {number}", trial.name) for number, trial in enumerate(trials, start=1)]
    else:
        known = [(name, job(execution.name)) for of, name, job in _JOBS if of == state]
    for label, name in known:
        described = unless_gone(session.sagemaker.describe_training_job, TrainingJobName=name)
        # There is none where the state found an earlier run's work.
        if described and (began := described.get("TrainingStartTime")):
            yield label, described["TrainingJobStatus"], began, described.get("TrainingEndTime", until)


def _sections(
    session: Session, stack: Stack, execution: Execution, told: Sequence[tuple[str, str]]
) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {
        name: {} for name in ("Data", "Tuning and training", "Gate", "Deployment", "Cost", "Lineage")
    }
    for name, words in told:
        if name in _SUBJECTS:
            rows = sections[_SUBJECTS[name]]
            rows[name if name not in rows else f"{name} {len(rows) + 1}"] = words
    run = execution.record
    if run is not None:
        judged = run.judged_by or {}
        sections["Gate"] |= ({"evidence": run.evidence} if run.evidence else {}) | _words(judged)
        sections["Deployment"] |= _words(run.deployed_by or {})
    if execution.status == "SUCCEEDED":
        endpoint = endpoints.find(session, stack.output("EndpointName"))
        now = status_page.endpoint_facts(endpoint, standby.away(session, stack))
        sections["Deployment"] |= {f"now: {name}": words for name, words in now}
    try:
        sections["Lineage"] |= dict(lineage.rows(lineage.stored(session, stack, execution.name)))
    except ReportError as error:
        sections["Lineage"] |= {"statement": str(error)} if run is not None and run.accuracy is not None else {}
    return sections


def _words(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if str(value) != ""}
