"""A training job's record: its description, its transitions and the events that tell of them."""

import copy
import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock
from typing import Any

from local.account import Account
from local.sagemaker import state_events
from local.sagemaker.metrics import MetricReader
from local.sagemaker.operations import arn, validation_error
from local.sagemaker.storage import S3Uri
from local.sagemaker.training_request import DEFAULT_MAX_RUNTIME_SECONDS

logger = logging.getLogger("local.sagemaker")

KIND = "training job"
_MAX_REASON = 1024
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_BEFORE_STOP = frozenset({"Downloading", "Training"})  # not entered any more once a stop was asked for
# The status that goes with a secondary status; uploading keeps the status it finds.
_STATUS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
}
_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)


class TrainingJob:
    """One training job as the API shows it. Its run moves it on; StopTrainingJob asks it to stop."""

    def __init__(self, account: Account, request: dict[str, Any], *, num_cores: int, tuning_job_arn: str = "") -> None:
        self.account = account
        self.request = request
        self.num_cores = num_cores
        self.name: str = request["TrainingJobName"]
        self.arn = arn(account, "training-job", self.name)
        self.metrics = MetricReader(request["AlgorithmSpecification"].get("MetricDefinitions", []))
        self.stop_requested = Event()
        self.ended = Event()
        self.on_end: Callable[[], None] | None = None
        # Set by the run while there is something to break: its processes die, its spot capacity is taken away.
        self.kill: Callable[[], None] | None = None
        self.interrupt: Callable[[], None] | None = None
        self._lock = Lock()
        self._description = self._first_description(tuning_job_arn)

    @property
    def output_uri(self) -> S3Uri:
        """Return the prefix under which the job's artifacts are put."""
        root = S3Uri.parse(self.request["OutputDataConfig"]["S3OutputPath"])
        prefix = f"{root.key.rstrip('/')}/" if root.key.rstrip("/") else ""
        return S3Uri(root.bucket, f"{prefix}{self.name}/output")

    @property
    def max_runtime_seconds(self) -> float:
        """Return how long the job may train, in seconds of the account's clock."""
        condition = self.request["StoppingCondition"]
        return float(condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS))

    @property
    def status(self) -> str:
        """Return TrainingJobStatus."""
        with self._lock:
            return str(self._description["TrainingJobStatus"])

    @property
    def num_steps(self) -> int:
        """Return how many lines with metrics the job has printed."""
        return self.metrics.num_lines

    def describe(self) -> dict[str, Any]:
        """Return what DescribeTrainingJob answers."""
        with self._lock:
            return copy.deepcopy(self._description)

    def summary(self) -> dict[str, Any]:
        """Return the job's entry in ListTrainingJobs."""
        description = self.describe()
        return {name: description[name] for name in _SUMMARY if name in description}

    def announce(self) -> None:
        """Note on disk, and tell by an event, that the job has begun."""
        self.account.journal.begin(KIND, self.name)
        state_events.put_training_job_event(self.account, self.describe())

    def move(self, secondary: str, message: str = "", **changes: Any) -> None:
        """Enter `secondary`, with `changes` to the description, and tell of it."""
        with self._lock:
            status = self._description["TrainingJobStatus"]
            if status in _ENDED or (status == "Stopping" and secondary in _BEFORE_STOP):
                return
            now = self.account.clock.now()
            self._enter(secondary, message or _MESSAGES[secondary], now)
            if secondary in _STATUS:
                self._description["TrainingJobStatus"] = _STATUS[secondary]
            if self._description["TrainingJobStatus"] in _ENDED:
                self._close(now)
            self._description |= changes
            told = copy.deepcopy(self._description)
        logger.info("training job %r: %s", self.name, secondary)
        state_events.put_training_job_event(self.account, told)
        if told["TrainingJobStatus"] in _ENDED:
            self._tell_ended()

    def fail(self, reason: str) -> None:
        """End the job as Failed; `reason` is cut as SageMaker cuts it."""
        self.move("Failed", FailureReason=reason[:_MAX_REASON])

    def request_stop(self) -> None:
        """Ask the run to stop.

        Raises:
            ServiceError: the job has ended.
        """
        status = self.status
        if status in _ENDED:
            raise validation_error(f"The request was rejected because the training job is in status {status}.")
        if not self.stop_requested.is_set():
            self.stop_requested.set()
            self.move("Stopping")

    def note_training_started(self) -> None:
        """Note the moment from which the job is billed."""
        with self._lock:
            self._description["TrainingStartTime"] = self.account.clock.now()

    def _tell_ended(self) -> None:
        self.account.journal.end(KIND, self.name)
        self.ended.set()
        if self.on_end:
            self.on_end()

    def _enter(self, secondary: str, message: str, now: datetime) -> None:
        transitions = self._description["SecondaryStatusTransitions"]
        if transitions:
            transitions[-1]["EndTime"] = now
        transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
        self._description["SecondaryStatus"] = secondary
        self._description["LastModifiedTime"] = now

    def _close(self, now: datetime) -> None:
        self._description["SecondaryStatusTransitions"][-1]["EndTime"] = now
        self._description["TrainingEndTime"] = now
        started_at = self._description.get("TrainingStartTime")
        if started_at:
            seconds = max(1, round((now - started_at).total_seconds()))
            self._description |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        self._description["FinalMetricDataList"] = self.metrics.final()

    def _first_description(self, tuning_job_arn: str) -> dict[str, Any]:
        now = self.account.clock.now()
        given = {name: value for name, value in self.request.items() if name != "Tags"}
        condition = {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS} | self.request["StoppingCondition"]
        first = {"Status": "Starting", "StartTime": now, "StatusMessage": _MESSAGES["Starting"]}
        return (
            copy.deepcopy(given)
            | {
                "TrainingJobArn": self.arn,
                "ModelArtifacts": {},
                "TrainingJobStatus": "InProgress",
                "SecondaryStatus": "Starting",
                "CreationTime": now,
                "LastModifiedTime": now,
                "SecondaryStatusTransitions": [first],
                "StoppingCondition": condition,
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
                "EnableManagedSpotTraining": False,
            }
            | ({"TuningJobArn": tuning_job_arn} if tuning_job_arn else {})
        )
