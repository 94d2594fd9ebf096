"""What training prints, read back from CloudWatch Logs: one line an epoch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handlers.contract import names
from ops.errors import unless_gone
from ops.runs import one_job
from ops.session import Session

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import HyperParameterTrainingJobSummaryTypeDef

TRAINING_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_PAIR = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True)
class Epoch:
    """One epoch as training printed it; the values stay text, since they are only shown."""

    number: int
    validation_top1: str
    train_loss: str
    seconds: str

    def line(self) -> str:
        """Return the epoch as one line."""
        return (
            f"epoch {self.number:>3}  validation top-1 {self.validation_top1}"
            f"  training loss {self.train_loss}  {self.seconds} s"
        )


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job."""

    name: str
    status: str
    objective: float | None
    hyperparameters: dict[str, str]
    kind: str = "training job"  # or trial: one of many in a job

    @property
    def has_ended(self) -> bool:
        """Tell whether it does nothing more."""
        return self.status not in {"InProgress", "Stopping"}

    def line(self) -> str:
        """Return the training job as one line."""
        tuned = " ".join(f"{name}={_short(value)}" for name, value in sorted(self.hyperparameters.items()))
        objective = "" if self.objective is None else f"  validation top-1 {self.objective:.4f}"
        return f"{self.name.rsplit('-', 2)[-2] if '-' in self.name else self.name}  {self.status}{objective}  {tuned}"


def epochs(session: Session, training_job_name: str) -> list[Epoch]:
    """Return the epochs that a training job has printed so far."""
    by_number: dict[int, Epoch] = {}
    for values in epoch_values(messages(session, training_job_name)):
        number = int(values["epoch"])
        by_number[number] = Epoch(
            number, values.get("validation_top1", ""), values.get("train_loss", ""), values.get("seconds", "")
        )
    return [by_number[number] for number in sorted(by_number)]


def epoch_values(lines: Iterable[str]) -> list[dict[str, str]]:
    """Return what each line about an epoch says, by name, in their order."""
    return [dict(_PAIR.findall(line)) for line in lines if line.startswith("epoch=")]


def messages(session: Session, training_job_name: str) -> list[str]:
    """Return the log lines of a training job, [] while there are none."""
    prefix = f"{training_job_name}/"
    pages = session.logs.get_paginator("filter_log_events").paginate(
        logGroupName=TRAINING_LOG_GROUP, logStreamNamePrefix=prefix
    )
    events = unless_gone(lambda: [event for page in pages for event in page["events"]]) or []
    # moto gives every stream when the prefix meets none.
    return [event["message"].rstrip() for event in events if event["logStreamName"].startswith(prefix)]


def trials(session: Session, tuning_job_name: str) -> list[Trial]:
    """Return the training jobs that a tuning job has started so far, in that order."""
    pages = session.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=tuning_job_name
    )
    summaries = unless_gone(lambda: [summary for page in pages for summary in page["TrainingJobSummaries"]]) or []
    return [_trial(summary) for summary in sorted(summaries, key=lambda summary: summary["CreationTime"])]


def trials_of(session: Session, execution_name: str) -> list[Trial]:
    """Return what an execution has tried so far: the training jobs of its tuning job, or the trials of its one job."""
    jobs = trials(session, names.tuning_job_name(execution_name))
    return jobs or trials_of_job(session, names.trials_job_name(execution_name))


def trials_of_job(session: Session, job_name: str) -> list[Trial]:
    """Return the trials of the training job of all trials, once it has ended."""
    job = unless_gone(session.sagemaker.describe_training_job, TrainingJobName=job_name)
    return [
        Trial(
            name=one_job.trial_name(job_name, given["number"]),
            status=given["status"],
            objective=given["objective"],
            hyperparameters={name: value.strip('"') for name, value in given["hyperparameters"].items()},
            kind="trial",
        )
        for given in (one_job.document(session, job)["trials"] if job else [])
    ]


def _trial(summary: HyperParameterTrainingJobSummaryTypeDef) -> Trial:
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
    return Trial(
        name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        objective=metric["Value"] if metric else None,
        hyperparameters={name: value.strip('"') for name, value in summary.get("TunedHyperParameters", {}).items()},
    )


def _short(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
