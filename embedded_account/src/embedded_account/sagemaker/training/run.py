"""Carries a training job out: Starting, Downloading, Training, Uploading, and how it ended.

A spot job whose instances are reclaimed is Interrupted and begins again at Starting, with its checkpoints restored. So
does any job that asked for retries, after an InternalServerError.
"""

import logging
import shutil
import time
from enum import Enum
from functools import partial
from itertools import count
from pathlib import Path
from threading import Thread

from embedded_account.faults.board import Board
from embedded_account.faults.delays import Delays
from embedded_account.sagemaker.shared.container_images import TRAINING_REPOSITORY, UnknownImageError, check_image
from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError
from embedded_account.sagemaker.training import output as training_output
from embedded_account.sagemaker.training.channels import ChannelError
from embedded_account.sagemaker.training.cores import Cores
from embedded_account.sagemaker.training.hosts import hosts_of
from embedded_account.sagemaker.training.instance import TrainingInstance
from embedded_account.sagemaker.training.job import TrainingJob
from embedded_account.shortages import shortage

logger = logging.getLogger("embedded_account.sagemaker")

DELAY = "delay-instances"
GRACE_SECONDS = 120.0  # between SIGTERM and SIGKILL
_POLL_SECONDS = 0.05
_SIGNALLED = 128
_MAX_FAILURE = 980  # leaves room for the exit code within SageMaker's 1,024 characters
_NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type "
    "or after some time."
)
_INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
_OWN_FAULT = "InternalServerError: the embedded account could not carry the job out"


class _ClientError(Exception):
    """The request asked for something that cannot be had; the message is the job's FailureReason."""


class _Outcome(Enum):
    """How one attempt ended; the value is the secondary status that the job ends in, if it does."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    MAX_WAIT_TIME_EXCEEDED = "MaxWaitTimeExceeded"
    INTERRUPTED = "Interrupted"
    INSTANCE_LOST = "instance lost"
    NO_CAPACITY = "no capacity"
    ACCOUNT_STOPPED = ""


_ENDED_BY_SERVICE = {_Outcome.STOPPED, _Outcome.MAX_RUNTIME_EXCEEDED, _Outcome.MAX_WAIT_TIME_EXCEEDED}


def start(job: TrainingJob, cores: Cores) -> Thread:
    """Announce `job` and carry it out on a thread of its own."""
    job.announce()
    if not job.is_on_warm_pool:
        job.account.singleton(Delays).begin(DELAY, job.name)
    return job.account.start_thread(f"training job {job.name}", partial(run, job, cores))


def run(job: TrainingJob, cores: Cores) -> None:
    """Carry `job` out on `cores`; always ends it, unless the account itself ends first."""
    folder = job.account.work_folder("training-jobs", job.name)
    try:
        with cores.lent(job.num_cores, lambda: _gives_up(job)) as held:
            if held:
                _Run(job, folder).carry_out()
            elif job.stop_requested.is_set():
                job.move("Stopped")
            elif not job.account.stopping.is_set():
                _end_waiting(job)
    except Exception as error:
        logger.exception("training job %r", job.name)
        if not job.account.stopping.is_set():
            job.fail(_reason(error, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reason(error: Exception, folder: Path) -> str:
    """Return why a job could not be carried out: what this machine has run out of, or else that the fault is ours."""
    lacks = shortage(error, folder)
    return f"ClientError: {lacks}" if lacks else f"{_OWN_FAULT}: {error!r}"


def _gives_up(job: TrainingJob) -> bool:
    """Say whether a job that waits for instances is to wait no more."""
    is_late = job.account.clock.time() > job.wait_deadline
    return is_late or job.stop_requested.is_set() or job.account.stopping.is_set()


def _end_waiting(job: TrainingJob) -> None:
    job.move("Stopping")
    job.move(_Outcome.MAX_WAIT_TIME_EXCEEDED.value)


class _Run:
    def __init__(self, job: TrainingJob, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._clock = job.account.clock
        self._faults = job.account.singleton(Board)
        self._delays = job.account.singleton(Delays)
        self._interrupted_for: float | None = None  # seconds of grace, once the instances are reclaimed
        self._is_lost = False
        self._instances: list[TrainingInstance] = []
        self._runtime_left = job.max_runtime_seconds
        self._retries_left = int(job.request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0))

    def carry_out(self) -> None:
        """Attempt the job until it ends."""
        try:
            for number in count(1):
                outcome = self._attempt(number)
                if not self._begins_again(outcome):
                    self._finish(outcome)
                    return
                self._job.move("Starting")
        except _ClientError as error:
            self._job.fail(f"ClientError: {error}")

    def _attempt(self, number: int) -> _Outcome:
        """Bring instances up and train on them; return how it ended."""
        if (ended := self._find_capacity() or self._wait_for_instances(number)) is not None:
            return ended
        folder = self._folder / f"attempt-{number}"
        self._instances = [TrainingInstance(self._job, folder / host.name, host) for host in hosts_of(self._job)]
        self._job.note_training_started()
        self._job.move("Downloading")
        self._download()
        if self._job.stop_requested.is_set():
            return _Outcome.STOPPED
        self._job.move("Training")
        return self._train()

    def _find_capacity(self) -> _Outcome | None:
        """Return None once there are instances; a spot job waits for them, any other ends."""
        name = self._job.name
        while self._faults.take("no-capacity", occasion=f"start of training job {name!r}", name=name):
            if not self._job.is_spot:
                return _Outcome.NO_CAPACITY
            self._job.move("Starting", "Insufficient capacity error from EC2 while launching instances, retrying!")
            self._clock.wait(self._job.stop_requested, _POLL_SECONDS)
            if _gives_up(self._job):
                return self._why_given_up()
        return None

    def _wait_for_instances(self, number: int) -> _Outcome | None:
        """Return None once they have started: at once, unless the account has AWS's delays; those of a warm pool run.

        The first ones start while the job waits for cores of this machine.
        """
        if number > 1:
            self._delays.begin(DELAY, self._job.name)
        while self._delays.remaining(DELAY, self._job.name):
            if _gives_up(self._job):
                return self._why_given_up()
            self._clock.wait(self._job.stop_requested, _POLL_SECONDS)
        return None

    def _why_given_up(self) -> _Outcome:
        if self._job.account.stopping.is_set():
            return _Outcome.ACCOUNT_STOPPED
        return _Outcome.STOPPED if self._job.stop_requested.is_set() else _Outcome.MAX_WAIT_TIME_EXCEEDED

    def _begins_again(self, outcome: _Outcome) -> bool:
        """Say whether another attempt follows, and make room for it."""
        retries = outcome is _Outcome.INSTANCE_LOST and self._retries_left > 0
        if not retries and outcome is not _Outcome.INTERRUPTED:
            return False
        self._retries_left -= retries
        self._job.note_interrupted()
        if outcome is _Outcome.INTERRUPTED:
            self._job.move("Interrupted")
        for instance in self._instances:
            instance.forget()
        return True

    def _download(self) -> None:
        request = self._job.request
        try:
            check_image(request["AlgorithmSpecification"]["TrainingImage"], TRAINING_REPOSITORY)
            output_bucket = S3Uri.parse(request["OutputDataConfig"]["S3OutputPath"]).bucket
            if not Objects(self._job.account, request["RoleArn"]).exists(output_bucket):
                raise _ClientError(f"S3OutputPath: there is no bucket {output_bucket!r}; create it first")
            for instance in self._instances:
                instance.download()
        except (UnknownImageError, ChannelError, StorageError) as error:
            raise _ClientError(str(error)) from error

    def _train(self) -> _Outcome:
        """Run every instance to its end, or to the end of its time."""
        started_at = self._clock.time()
        try:
            for instance in self._instances:
                instance.start()
            self._job.kill = self._kill
            self._job.lose = self._lose
            self._job.interrupt = self._interrupt if self._job.is_spot else None
            while (outcome := self._outcome(started_at + self._runtime_left)) is None:
                time.sleep(_POLL_SECONDS)
            if outcome in {_Outcome.MAX_RUNTIME_EXCEEDED, _Outcome.MAX_WAIT_TIME_EXCEEDED}:
                self._job.move("Stopping")
            if outcome in _ENDED_BY_SERVICE:
                self._stop(GRACE_SECONDS)
            elif outcome is _Outcome.INTERRUPTED:
                self._stop(self._interrupted_for or 0.0)  # without a notice there is no grace
                self._interrupted_for = None
        finally:
            self._job.kill = self._job.lose = self._job.interrupt = None
            for instance in self._instances:
                instance.end(keeps_files=not self._is_lost)
            self._is_lost = False
            self._runtime_left -= self._clock.time() - started_at
        return outcome

    def _kill(self) -> None:
        for instance in self._instances:
            instance.kill()

    def _lose(self) -> None:
        self._is_lost = True

    def _interrupt(self, grace_seconds: float) -> None:
        self._interrupted_for = grace_seconds or GRACE_SECONDS

    def _outcome(self, deadline: float) -> _Outcome | None:
        if self._job.account.stopping.is_set():
            return _Outcome.ACCOUNT_STOPPED
        if self._is_lost or self._interrupted_for is not None:  # SageMaker says the same of both for spot instances
            return _Outcome.INTERRUPTED if self._job.is_spot else _Outcome.INSTANCE_LOST
        return self._own_end() or self._end_of_time(deadline)

    def _own_end(self) -> _Outcome | None:
        codes = [instance.exit_code() for instance in self._instances]
        if any(codes):
            return _Outcome.STOPPED if self._job.stop_requested.is_set() else _Outcome.FAILED
        if all(code == 0 for code in codes) and self._failed_instance() is None:
            return _Outcome.COMPLETED
        if self._job.stop_requested.is_set():
            return _Outcome.STOPPED
        return None if None in codes else _Outcome.FAILED

    def _end_of_time(self, deadline: float) -> _Outcome | None:
        now = self._clock.time()
        if now > self._job.wait_deadline:
            return _Outcome.MAX_WAIT_TIME_EXCEEDED
        return _Outcome.MAX_RUNTIME_EXCEEDED if now > deadline else None

    def _stop(self, grace_seconds: float) -> None:
        deadline = self._clock.time() + grace_seconds
        while self._is_any_running() and self._clock.time() < deadline and not self._job.account.stopping.is_set():
            for instance in self._instances:
                instance.ask_to_stop()
            time.sleep(_POLL_SECONDS)

    def _is_any_running(self) -> bool:
        return any(instance.exit_code() is None for instance in self._instances)

    def _finish(self, outcome: _Outcome) -> None:
        """End the job as `outcome` says; what was trained is uploaded first."""
        if outcome is _Outcome.ACCOUNT_STOPPED:
            return
        if outcome is _Outcome.NO_CAPACITY:
            self._job.fail(_NO_CAPACITY)
        elif outcome is _Outcome.INSTANCE_LOST:
            self._job.fail(_INTERNAL_ERROR)
        elif not any(instance.has_started for instance in self._instances):
            self._end_untrained(outcome)
        else:
            self._upload(outcome)

    def _end_untrained(self, outcome: _Outcome) -> None:
        if outcome is _Outcome.MAX_WAIT_TIME_EXCEEDED:
            _end_waiting(self._job)
        else:
            self._job.move(outcome.value)

    def _upload(self, outcome: _Outcome) -> None:
        if outcome is _Outcome.FAILED:
            self._upload_failed(self._failure_reason())
            return
        artifacts = self._upload_output(with_model=True)
        if outcome is _Outcome.COMPLETED and self._job.stop_requested.is_set():
            self._job.move(_Outcome.STOPPED.value, ModelArtifacts=artifacts)
        else:
            self._job.move(outcome.value, ModelArtifacts=artifacts)

    def _upload_failed(self, reason: str) -> None:
        """End the job as Failed for `reason`, which no trouble with the upload of its output may hide."""
        try:
            self._upload_output(with_model=False)
        except (_ClientError, OSError) as error:
            logger.warning("output of the failed training job %r is lost: %s", self._job.name, error)
        self._job.fail(reason)

    def _upload_output(self, *, with_model: bool) -> dict[str, str]:
        self._job.move("Uploading")
        for instance in self._instances:
            instance.forget_input()
        try:
            machines = [instance.ml for instance in self._instances]
            return training_output.upload(self._job, machines, with_model=with_model)
        except StorageError as error:
            raise _ClientError(f"Artifact upload failed:{error}") from error

    def _failed_instance(self) -> TrainingInstance | None:
        """Return the first instance whose container ended in an error, or without the toolkit's word of success.

        The toolkit exits with 0 when it cannot write why a script failed, as on a full disk.
        """
        ended = [instance for instance in self._instances if instance.exit_code()]
        return next((one for one in ended or self._instances if ended or not one.has_succeeded), None)

    def _failure_reason(self) -> str:
        failed = self._failed_instance() or self._instances[0]
        code = failed.exit_code() or 0
        shown = code if code >= 0 else _SIGNALLED - code  # as a shell shows a process that a signal has ended
        return f"AlgorithmError: {failed.failure()[:_MAX_FAILURE]}, exit code: {shown}"
