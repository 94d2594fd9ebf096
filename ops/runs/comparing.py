"""`deploy.py compare`: two runs side by side, in what differs: settings, data, accuracy by class, seconds, dollars."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.ledger import Run
from handlers.ledger.rows import minute
from ops.datasets import records
from ops.datasets.differences import Differences, differences
from ops.errors import ExecutionError, ReportError, unless_gone
from ops.prices.words import money
from ops.runs import executions, fetched_reports
from ops.runs.listing import outcome, took
from ops.session import Session
from ops.stack.stacks import Stack

Pair = tuple[str, str, str]  # what, the first run's, the second's
_NONE = "-"
# Of a job's hyperparameters those that say how it was carried out, not what was learnt.
_OF_THE_JOB = ("champion_name", "champion_problem", "sagemaker_submit_directory", "sagemaker_job_name")


@dataclass(frozen=True)
class Told:
    """What is known of a run. `evaluation` is the training job's, {} where there is none any more."""

    run: Run
    settings: Mapping[str, str]
    evaluation: Mapping[str, Any]


@dataclass
class Comparison:
    """Where two runs differ, by subject; `notes` are what could not be compared, and why."""

    runs: list[Pair] = field(default_factory=list)
    settings: list[Pair] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    classes: list[tuple[str, float | None, float | None]] = field(default_factory=list)  # recalls, worst change first
    notes: list[str] = field(default_factory=list)


def compare(session: Session, stack: Stack, first: str, second: str) -> Comparison:
    """Return how two runs differ.

    Raises:
        ExecutionError: there is no run of such a name.
    """
    comparison = Comparison()
    old, new = (_told(session, stack, name, comparison.notes) for name in (first, second))
    comparison.runs = of_runs(old.run, new.run)
    comparison.settings = pairs(old.settings, new.settings) + of_parameters(old.run, new.run)
    comparison.classes = of_classes(old.evaluation, new.evaluation)
    comparison.data = _of_data(session, stack, old.run, new.run, comparison.notes)
    return comparison


def of_runs(old: Run, new: Run) -> list[Pair]:
    """Return what a person looks for first of both, equal or not."""
    told: list[tuple[str, Callable[[Run], str]]] = [
        ("dataset", lambda run: run.dataset or _NONE),
        ("started", lambda run: minute(run.started_at)),
        ("outcome", outcome),
        ("took", took),
        ("test accuracy", lambda run: _NONE if run.accuracy is None else f"{run.accuracy:.4f}"),
        ("test pictures", lambda run: _or_none(run.num_test_images)),
        ("best validation", lambda run: _NONE if run.best_objective is None else f"{run.best_objective:.4f}"),
        ("served by", lambda run: (run.served_by or _NONE).partition(":")[0]),
        ("seconds billed", lambda run: _or_none(_billed(run))),
        ("jobs cost", lambda run: _NONE if run.dollars is None else money(run.dollars)),
    ]
    return [(what, of(old), of(new)) for what, of in told]


def pairs(old: Mapping[str, str], new: Mapping[str, str]) -> list[Pair]:
    """Return the names under which two mappings differ, with both values."""
    known = sorted(old.keys() | new.keys())
    return [(name, old.get(name, _NONE), new.get(name, _NONE)) for name in known if old.get(name) != new.get(name)]


def of_parameters(old: Run, new: Run) -> list[Pair]:
    """Return what differs of what the gate went by and the endpoint was made by; of what only one run has nothing."""
    subjects = {"gate": (old.judged_by, new.judged_by), "endpoint": (old.deployed_by, new.deployed_by)}
    return [
        (f"{subject}: {name}", before, after)
        for subject, (first, second) in subjects.items()
        if first and second
        for name, before, after in pairs(_texts(first), _texts(second))
    ]


def of_classes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """Return the recall of each class in both test splits, the one that lost most first; None where it has none."""
    before, after = _recalls(old), _recalls(new)
    both = [(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    return sorted(both, key=lambda one: (one[2] or 0.0) - (one[1] or 0.0))


def of_pictures(changes: Differences) -> list[str]:
    """Return how many pictures differ, by what became of them."""
    return [f"{len(changed)} {kind}" for kind, changed in changes.kinds().items() if changed]


def _told(session: Session, stack: Stack, name: str, notes: list[str]) -> Told:
    run = Run.get(executions.ledger(session, stack), name)
    if run is None:
        raise ExecutionError(f"run {name!r}: there is none; deploy.py runs{session.flags} lists them")
    job = executions.training_job_name(run)
    described = unless_gone(session.sagemaker.describe_training_job, TrainingJobName=job)
    settings = settings_of(described) if described else {}
    try:
        evaluation = json.loads(fetched_reports.output_of(session, job).get("evaluation.json", b"{}"))
    except ReportError:
        notes.append(f"{name}: no evaluation of a training job, so neither settings nor classes of it")
        evaluation = {}
    return Told(run, settings, evaluation)


def settings_of(described: Mapping[str, Any]) -> dict[str, str]:
    """Return what a training job was told, as text: hyperparameters, image and instances."""
    given = {key: value.strip('"') for key, value in described["HyperParameters"].items() if key not in _OF_THE_JOB}
    given.pop("dataset_fingerprint", None)
    resources = described["ResourceConfig"]
    return given | {
        "code": described["HyperParameters"].get("sagemaker_submit_directory", _NONE).strip('"').rpartition("/")[2],
        "image": described["AlgorithmSpecification"].get("TrainingImage", _NONE).rpartition("/")[2],
        "instances": f"{resources['InstanceCount']} x {resources['InstanceType']}",
    }


def _of_data(session: Session, stack: Stack, old: Run, new: Run, notes: list[str]) -> list[str]:
    if old.fingerprint and old.fingerprint == new.fingerprint:
        return ["the same pictures, classes and splits"]
    try:
        before, after = (records.load(session, stack, run.execution_name).pictures for run in (old, new))
    except ExecutionError as error:
        notes.append(str(error))
        return []
    return of_pictures(differences(before, after)) or ["the same pictures, classes and splits"]


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _recalls(evaluation: Mapping[str, Any]) -> dict[str, float]:
    return {row["class_name"]: row["recall"] for row in evaluation.get("per_class") or [] if row["recall"] is not None}


def _billed(run: Run) -> int | None:
    return sum(int(bill["BilledSeconds"]) for bill in run.bills.values()) if run.bills else run.billable_seconds


def _or_none(value: object) -> str:
    return _NONE if value is None else str(value)
