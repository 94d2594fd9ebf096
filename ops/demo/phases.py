"""Where the demo's time goes: jobs, the endpoint's start, and what is left between them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from handlers.contract import names
from ops.console import duration, facts, result
from ops.errors import unless_gone
from ops.runs.executions import Execution
from ops.runs.training_logs import trials
from ops.session import Session
from ops.stack.endpoints import EndpointState

Interval = tuple[datetime, datetime]


class Laps:
    """How long each step before the first state took, in seconds of the wall; the first began at `started`."""

    def __init__(self, started: float) -> None:
        self.seconds: dict[str, float] = {}
        self._last = started

    def end(self, step: str) -> None:
        """Note that a step has ended now, and the next one begins."""
        now = time.time()
        self.seconds[step] = now - self._last
        self._last = now


@dataclass(frozen=True)
class Phases:
    """Where the wall time went, in seconds; orchestration is all that is not a job or the endpoint's start."""

    wall: float
    examination: float
    tuning: float
    training: float
    serving: float
    busy: float
    laps: Mapping[str, float] = field(default_factory=dict)

    @property
    def orchestration(self) -> float:
        """Return what remains."""
        return self.wall - self.busy

    @property
    def parts(self) -> dict[str, float]:
        """Return where the orchestration's time went, the states last: what remains of it after the steps before."""
        return {**self.laps, "states": self.orchestration - sum(self.laps.values())}


def phases_of(
    session: Session, execution: Execution, endpoint: EndpointState | None, wall: float, laps: Laps
) -> Phases:
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
        laps=laps.seconds,
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
            ("of it", ", ".join(f"{part} {duration(seconds)}" for part, seconds in phases.parts.items())),
            ("wall time", duration(phases.wall)),
        ]
    )
