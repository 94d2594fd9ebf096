"""A training job's record: its description, its transitions and the events that tell of them."""

import copy
import logging
import math
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.shared import state_events
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.shared.storage import S3Uri
from embedded_account.sagemaker.training import debugger
from embedded_account.sagemaker.training.metrics import MetricReader
from embedded_account.sagemaker.training.request import DEFAULT_MAX_RUNTIME_SECONDS

logger = logging.getLogger("embedded_account.sagemaker")

KIND = "training job"
LOST = "InternalServerError: the embedded account ended while the job ran; start the job again"
_MAX_REASON = 1024
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
# Not entered any more once a stop was asked for.
_BEFORE_STOP = frozenset({"Starting", "Downloading", "Training", "Interrupted"})
_SPOT_SHARE = 0.3  # of the training time, what a spot job is billed here; AWS's saving varies up to 90 %
# The status that goes with a secondary status; uploading keeps the status it finds.
_STATUS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
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
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "Training job interrupted: the managed spot instances were reclaimed",
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
        self.on_completion: Callable[[TrainingJob], None] | None = None  # before anyone hears of the end
        # Set by the run while there is something to break: its processes die, its spot capacity is taken away, its
        # machines are gone.
        self.kill: Callable[[], None] | None = None
        self.interrupt: Callable[[float], None] | None = None  # takes the grace in seconds
        self.lose: Callable[[], None] | None = None
        self.created_at = account.clock.time()
        self.is_on_warm_pool = False  # whose instances run already
        self._lock = Lock()
        self._training_since: datetime | None = None
        self._trained_seconds = 0.0  # before the last interruption
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
    def is_spot(self) -> bool:
        """Say whether the job runs on managed spot instances."""
        return bool(self.request.get("EnableManagedSpotTraining"))

    @property
    def wait_deadline(self) -> float:
        """Return when, on the account's clock, a spot job must be over; without managed spot training never."""
        seconds = self.request["StoppingCondition"].get("MaxWaitTimeInSeconds")
        return self.created_at + float(seconds) if self.is_spot and seconds else math.inf

    @property
    def keep_alive_seconds(self) -> int:
        """Return how long the job's instances are kept for another one."""
        return int(self.request["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0))

    @property
    def is_running(self) -> bool:
        """Say whether the job has not ended."""
        return self.status not in _ENDED

    @property
    def status(self) -> str:
        """Return TrainingJobStatus."""
        with self._lock:
            return str(self._description["TrainingJobStatus"])

    def dump(self) -> dict[str, Any]:
        """Return the record of the job, as it may be kept in a file."""
        return {"Request": self.request, "NumCores": self.num_cores, "Description": self.describe()}

    @classmethod
    def load(cls, account: Account, kept: dict[str, Any]) -> "TrainingJob":
        """Return the job of a record; nothing of it runs."""
        job = cls(account, kept["Request"], num_cores=kept["NumCores"])
        job._description = kept["Description"]
        if not job.is_running:
            job.ended.set()
        return job

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
        if secondary == "Completed" and self.on_completion:
            self.on_completion(self)
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

    @property
    def num_steps(self) -> int:
        """Return how many lines with metrics the job has printed."""
        return self.metrics.num_lines

    def note_training_started(self) -> None:
        """Note the moment from which the job is billed; after an interruption, billing goes on from here."""
        with self._lock:
            self._training_since = self.account.clock.now()
            self._description.setdefault("TrainingStartTime", self._training_since)

    def note_interrupted(self) -> None:
        """Stop billing until the job runs again."""
        with self._lock:
            self._add_trained(self.account.clock.now())

    def change_profiling(self, changes: dict[str, Any]) -> None:
        """Change the ProfilerConfig and the rules of a job that runs."""
        with self._lock:
            profiler = (self.request.get("ProfilerConfig") or {}) | changes.get("ProfilerConfig", {})
            self.request |= changes | {"ProfilerConfig": profiler}
            now = self.account.clock.now()
            self._description |= changes | debugger.description(self.request, now) | {"LastModifiedTime": now}

    def _tell_ended(self) -> None:
        self.ended.set()
        self.account.journal.end(KIND, self.name)
        if self.on_end:
            self.on_end()

    def _enter(self, secondary: str, message: str, now: datetime) -> None:
        transitions = self._description["SecondaryStatusTransitions"]
        if transitions and transitions[-1]["Status"] == secondary:
            transitions[-1]["StatusMessage"] = message
            return
        if transitions:
            transitions[-1]["EndTime"] = now
        transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
        self._description["SecondaryStatus"] = secondary
        self._description["LastModifiedTime"] = now

    def _close(self, now: datetime) -> None:
        self._description["SecondaryStatusTransitions"][-1]["EndTime"] = now
        self._description["TrainingEndTime"] = now
        self._add_trained(now)
        if "TrainingStartTime" in self._description:
            seconds = max(1, round(self._trained_seconds))
            billable = max(1, round(seconds * _SPOT_SHARE)) if self.is_spot else seconds
            self._description |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billable}
        self._description["FinalMetricDataList"] = self.metrics.final()

    def _add_trained(self, now: datetime) -> None:
        if self._training_since is not None:
            self._trained_seconds += (now - self._training_since).total_seconds()
            self._training_since = None

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
                "EnableManagedSpotTraining": self.is_spot,
                "OutputDataConfig": {"KmsKeyId": ""} | self.request["OutputDataConfig"],
            }
            | debugger.description(self.request, now)
            | ({"TuningJobArn": tuning_job_arn} if tuning_job_arn else {})
        )
