"""A transform job's record: its description, its status and the events that tell of it."""

import copy
from threading import Event, Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.shared import state_events
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.transform.request import Request, parse

KIND = "transform job"
LOST = "InternalServerError: the embedded account ended while the job ran; start the job again"
ENDED = frozenset({"Completed", "Failed", "Stopped"})
_MAX_REASON = 1024
_SUMMARY = (
    "TransformJobName",
    "TransformJobArn",
    "CreationTime",
    "TransformEndTime",
    "LastModifiedTime",
    "TransformJobStatus",
    "FailureReason",
)


class TransformJob:
    """One transform job as the API shows it. Its run moves it on; StopTransformJob asks it to stop."""

    def __init__(self, account: Account, params: dict[str, Any]) -> None:
        self.account = account
        self.params = params
        self.request: Request = parse(params)
        self.name: str = params["TransformJobName"]
        self.arn = arn(account, "transform-job", self.name)
        self.stop_requested = Event()
        self._lock = Lock()
        now = account.clock.now()
        self._description: dict[str, Any] = copy.deepcopy({k: v for k, v in params.items() if k != "Tags"}) | {
            "TransformJobArn": self.arn,
            "TransformJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    @property
    def status(self) -> str:
        """Return TransformJobStatus."""
        with self._lock:
            return str(self._description["TransformJobStatus"])

    @property
    def is_running(self) -> bool:
        """Say whether the job has not ended."""
        return self.status not in ENDED

    def describe(self) -> dict[str, Any]:
        """Return what DescribeTransformJob answers."""
        with self._lock:
            description = copy.deepcopy(self._description)
        del description["LastModifiedTime"]
        return description

    def summary(self) -> dict[str, Any]:
        """Return the job's entry in ListTransformJobs."""
        with self._lock:
            return {name: self._description[name] for name in _SUMMARY if name in self._description}

    def announce(self) -> None:
        """Note on disk, and tell by an event, that the job has begun."""
        self.account.journal.begin(KIND, self.name)
        state_events.put_transform_job_event(self.account, self.describe())

    def note_started(self) -> None:
        """Note the moment from which the job is billed: its instances run."""
        with self._lock:
            self._description["TransformStartTime"] = self.account.clock.now()

    def move(self, status: str, failure_reason: str = "") -> None:
        """Enter `status` unless the job has ended, and tell of it."""
        with self._lock:
            if self._description["TransformJobStatus"] in ENDED:
                return
            now = self.account.clock.now()
            self._description |= {"TransformJobStatus": status, "LastModifiedTime": now}
            if failure_reason:
                self._description["FailureReason"] = failure_reason[:_MAX_REASON]
            if status in ENDED:
                self._description["TransformEndTime"] = now
        state_events.put_transform_job_event(self.account, self.describe())
        if status in ENDED:
            self.account.journal.end(KIND, self.name)

    def request_stop(self) -> None:
        """Ask the run to stop.

        Raises:
            ServiceError: the job has ended.
        """
        if not self.is_running:
            raise validation_error(f"The request was rejected because the transform job is in status {self.status}.")
        if not self.stop_requested.is_set():
            self.stop_requested.set()
            self.move("Stopping")

    def dump(self) -> dict[str, Any]:
        """Return the record of the job, as it may be kept in a file."""
        with self._lock:
            return {"Params": self.params, "Description": copy.deepcopy(self._description)}

    @classmethod
    def load(cls, account: Account, kept: dict[str, Any]) -> "TransformJob":
        """Return the job of a record; nothing of it runs."""
        job = cls(account, kept["Params"])
        job._description = kept["Description"]
        return job
