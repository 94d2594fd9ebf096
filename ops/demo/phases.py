"""Where the demo's time goes: jobs, the endpoint's start, and what is left between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from handlers.contract import names
from ops.console import duration, facts, result
from ops.errors import unless_gone
from ops.runs.executions import Execution
from ops.runs.training_logs import trials
from ops.session import Session
from ops.stack.endpoints import EndpointState

Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Phases:
    """Where the wall time went, in seconds; orchestration is all that is not a job or the endpoint's start."""

    wall: float
    examination: float
    tuning: float
    training: float
    serving: float
    busy: float

    @property
    def orchestration(self) -> float:
        """Return what remains."""
        return self.wall - self.busy


def phases_of(session: Session, execution: Execution, endpoint: EndpointState | None, wall: float) -> Phases:
    """Add up the times that SageMaker gives for its jobs and the endpoint; those that overlap count once."""
    name = execution.name
    examined = _of_jobs(session, [names.features_job_name(name)])
    tuning = [trial.name for trial in trials(session, names.tuning_job_name(name))]
    tuned = _of_jobs(session, [*tuning, names.trials_job_name(name)])
    trained = _of_jobs(session, [names.training_job_name(name)])
    served = [(endpoint.created_at, endpoint.modified_at)] if endpoint else []
    return Phases(
        wall=wall,
        examination=covered_seconds(examined),
        tuning=covered_seconds(tuned),
        training=covered_seconds(trained),
        serving=covered_seconds(served),
        busy=covered_seconds([*examined, *tuned, *trained, *served]),
    )


def _of_jobs(session: Session, job_names: Iterable[str]) -> list[Interval]:
    """Return when each job ran; an execution that has taken another's outcome has none of its own."""
    described = (unless_gone(session.sagemaker.describe_training_job, TrainingJobName=name) for name in job_names)
    return [(job["TrainingStartTime"], job["TrainingEndTime"]) for job in described if job]


def covered_seconds(intervals: Iterable[Interval]) -> float:
    """Return how many seconds lie in at least one of `intervals`."""
    total, last_end = 0.0, None
    for start, end in sorted(intervals):
        begin = start if last_end is None else max(start, last_end)
        if end > begin:
            total += (end - begin).total_seconds()
        last_end = end if last_end is None else max(end, last_end)
    return total


def print_phases(phases: Phases) -> None:
    """Print them."""
    result("")
    facts(
        [
            ("examination", duration(phases.examination)),
            ("tuning jobs", duration(phases.tuning)),
            ("training job", duration(phases.training)),
            ("endpoint start", duration(phases.serving)),
            ("orchestration", duration(phases.orchestration)),
            ("wall time", duration(phases.wall)),
        ]
    )
