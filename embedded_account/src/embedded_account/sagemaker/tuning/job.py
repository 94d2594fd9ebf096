"""A tuning job: its training jobs so far, and what the API shows of them."""

import copy
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, cast

from embedded_account.account import Account
from embedded_account.sagemaker.shared import state_events
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.training.job import TrainingJob
from embedded_account.sagemaker.tuning.grid import num_combinations
from embedded_account.sagemaker.tuning.request import OBJECTIVE_HYPERPARAMETER, resource_config

if TYPE_CHECKING:
    from optuna.trial import Trial

    from embedded_account.sagemaker.tuning.search import Past

logger = logging.getLogger("embedded_account.sagemaker")

KIND = "tuning job"
ENDED = frozenset({"Completed", "Failed", "Stopped"})
_COUNTER = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped"}
_TIMES = ("CreationTime", "TrainingStartTime", "TrainingEndTime")
_SUMMARY = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
)


@dataclass
class Attempt:
    """One training job of the tuning job. `value` is its final objective, or None when it has none."""

    trial: "Trial"
    job: TrainingJob
    tuned: dict[str, str]
    num_reported: int = 0
    is_pruned: bool = False
    is_over: bool = False
    value: float | None = None


class TuningJob:
    """One tuning job as the API shows it. Its run adds attempts; StopHyperParameterTuningJob asks it to stop."""

    def __init__(self, account: Account, request: dict[str, Any], parents: "Sequence[TuningJob]" = ()) -> None:
        self.account = account
        self.request = request
        self.parents = tuple(parents)
        self.name: str = request["HyperParameterTuningJobName"]
        self.arn = arn(account, "hyper-parameter-tuning-job", self.name)
        self.config: dict[str, Any] = request["HyperParameterTuningJobConfig"]
        self.stop_requested = Event()
        self.wake = Event()
        self._lock = Lock()
        self._attempts: list[Attempt] = []
        now = account.clock.now()
        self._state: dict[str, Any] = {
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    @property
    def max_jobs(self) -> int:
        """Return how many training jobs it runs in all."""
        if self.config["Strategy"] == "Grid":
            return num_combinations(self.config)
        return int(self.config["ResourceLimits"]["MaxNumberOfTrainingJobs"])

    @property
    def objective_metric(self) -> str:
        """Return the name of the metric that decides."""
        return str(self.config["HyperParameterTuningJobObjective"]["MetricName"])

    @property
    def maximizes(self) -> bool:
        """Say whether more of the objective is better."""
        return bool(self.config["HyperParameterTuningJobObjective"]["Type"] == "Maximize")

    @property
    def attempts(self) -> list[Attempt]:
        """Return the attempts so far, oldest first."""
        with self._lock:
            return list(self._attempts)

    def add(self, attempt: Attempt) -> None:
        """Note a training job that has been started."""
        with self._lock:
            self._attempts.append(attempt)

    def best(self) -> Attempt | None:
        """Return the attempt with the best final objective."""
        valued = [attempt for attempt in self.attempts if attempt.value is not None]
        sign = 1 if self.maximizes else -1
        return max(valued, key=lambda attempt: sign * (attempt.value or 0.0), default=None)

    @property
    def is_identical(self) -> bool:
        """Say whether the parents' results are on the same data, with the same algorithm."""
        kind = self.request.get("WarmStartConfig", {}).get("WarmStartType")
        return bool(kind == "IdenticalDataAndAlgorithm")

    def past(self) -> "list[Past]":
        """Return what the training jobs of this tuning job have reached, for one that starts from here."""
        from embedded_account.sagemaker.tuning.search import Past

        return [
            Past(attempt.job.request["HyperParameters"], attempt.value)
            for attempt in self.attempts
            if attempt.value is not None
        ]

    def _overall_best(self) -> dict[str, Any]:
        """Return the best training job of this tuning job and, on identical data, of its parents."""
        candidates = [(job, best) for job in (self, *self.parents) if (best := job.best()) is not None]
        if not self.is_identical or not candidates:
            return {}
        sign = 1 if self.maximizes else -1
        job, best = max(candidates, key=lambda pair: sign * (pair[1].value or 0.0))
        return {"OverallBestTrainingJob": job.attempt_summary(best)}

    def dump(self) -> dict[str, Any]:
        """Return the record of the job, as it may be kept in a file."""
        attempts = [
            (each.job.name, each.tuned, each.num_reported, each.is_pruned, each.value) for each in self.attempts
        ]
        with self._lock:
            parents = [parent.name for parent in self.parents]
            return {
                "Request": self.request,
                "Parents": parents,
                "State": copy.deepcopy(self._state),
                "Attempts": attempts,
            }

    @classmethod
    def load(
        cls,
        account: Account,
        kept: dict[str, Any],
        training_job: Callable[[str], TrainingJob],
        tuning_job: Callable[[str], "TuningJob"],
    ) -> "TuningJob":
        """Return the job of a record; nothing of it runs, and no trial of its attempts goes on."""
        job = cls(account, kept["Request"], [tuning_job(name) for name in kept["Parents"]])
        job._state = kept["State"]
        for name, tuned, num_reported, is_pruned, value in kept["Attempts"]:
            no_trial = cast("Trial", None)
            attempt = Attempt(no_trial, training_job(name), tuned, num_reported, is_pruned, is_over=True, value=value)
            job.add(attempt)
        return job

    def describe(self) -> dict[str, Any]:
        """Return what DescribeHyperParameterTuningJob answers."""
        with self._lock:
            state = copy.deepcopy(self._state)
        attempts, best = self.attempts, self.best()
        statuses = [attempt.job.status for attempt in attempts]
        counters = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
        for status in statuses:
            counters[_COUNTER.get(status, "InProgress")] += 1
        objectives = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
        for attempt in attempts:
            objectives[_objective_status(attempt)] += 1
        return (
            {
                "HyperParameterTuningJobName": self.name,
                "HyperParameterTuningJobArn": self.arn,
                "HyperParameterTuningJobConfig": {"TrainingJobEarlyStoppingType": "Off"} | copy.deepcopy(self.config),
                "TrainingJobDefinition": self._definition(),
                "TrainingJobStatusCounters": counters,
                "ObjectiveStatusCounters": objectives,
                "ConsumedResources": {"RuntimeInSeconds": sum(_billed_seconds(attempt) for attempt in attempts)},
            }
            | state
            | ({"BestTrainingJob": self.attempt_summary(best)} if best else {})
            | self._overall_best()
            | {name: copy.deepcopy(self.request[name]) for name in ("WarmStartConfig",) if name in self.request}
        )

    def _definition(self) -> dict[str, Any]:
        """Return the TrainingJobDefinition with what SageMaker adds to it."""
        definition: dict[str, Any] = copy.deepcopy(self.request["TrainingJobDefinition"])
        added = {OBJECTIVE_HYPERPARAMETER: self.objective_metric}
        return (
            resource_config(definition)
            | definition
            | {"StaticHyperParameters": definition.get("StaticHyperParameters", {}) | added}
        )

    def summary(self) -> dict[str, Any]:
        """Return the job's entry in ListHyperParameterTuningJobs."""
        description = self.describe()
        return {name: description[name] for name in _SUMMARY if name in description} | {
            "Strategy": self.config["Strategy"],
            "ResourceLimits": self.config["ResourceLimits"],
        }

    def attempt_summary(self, attempt: Attempt) -> dict[str, Any]:
        """Return a HyperParameterTrainingJobSummary."""
        description = attempt.job.describe()
        summary = {
            "TrainingJobName": attempt.job.name,
            "TrainingJobArn": attempt.job.arn,
            "TrainingJobStatus": description["TrainingJobStatus"],
            "TunedHyperParameters": attempt.tuned,
            "ObjectiveStatus": _objective_status(attempt),
        } | {name: description[name] for name in (*_TIMES, "FailureReason") if name in description}
        definition_name = self.request["TrainingJobDefinition"].get("DefinitionName")
        if definition_name:
            summary["TrainingJobDefinitionName"] = definition_name
        if attempt.value is not None:
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
                **self.config["HyperParameterTuningJobObjective"],
                "Value": attempt.value,
            }
        return summary

    def move(self, status: str, **changes: Any) -> None:
        """Enter `status`, with `changes` to the description, and tell of it."""
        with self._lock:
            if self._state["HyperParameterTuningJobStatus"] in ENDED:
                return
            now = self.account.clock.now()
            self._state |= {"HyperParameterTuningJobStatus": status, "LastModifiedTime": now} | changes
            if status in ENDED:
                self._state["HyperParameterTuningEndTime"] = now
        logger.info("tuning job %r: %s", self.name, status)
        if status in ENDED:
            self.account.journal.end(KIND, self.name)
        state_events.put_tuning_job_event(self.account, self.describe())

    def announce(self) -> None:
        """Note on disk, and tell by an event, that the job has begun."""
        self.account.journal.begin(KIND, self.name)
        state_events.put_tuning_job_event(self.account, self.describe())

    def request_stop(self) -> None:
        """Ask the run to stop.

        Raises:
            ServiceError: the job has ended.
        """
        with self._lock:
            status = self._state["HyperParameterTuningJobStatus"]
        if status in ENDED:
            raise validation_error(f"The request was rejected because the tuning job is in status {status}.")
        if not self.stop_requested.is_set():
            self.stop_requested.set()
            self.move("Stopping")
            self.wake.set()


def final_value(job: TrainingJob, metric: str) -> float | None:
    """Return the last value of `metric` that `job` printed; None when there is none or it is no finite number."""
    values = job.metrics.history(metric)
    return values[-1] if values and math.isfinite(values[-1]) else None


def _objective_status(attempt: Attempt) -> str:
    if not attempt.is_over:
        return "Pending"
    return "Failed" if attempt.value is None else "Succeeded"


def _billed_seconds(attempt: Attempt) -> int:
    return int(attempt.job.describe().get("BillableTimeInSeconds", 0))
