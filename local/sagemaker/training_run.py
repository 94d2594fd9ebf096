"""Carries a training job out: Starting, Downloading, Training, Uploading, and how it ended."""

import logging
import shutil
import time
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Thread

from local.sagemaker import containers
from local.sagemaker.channels import ChannelError
from local.sagemaker.containers import UnknownImageError
from local.sagemaker.cores import Cores
from local.sagemaker.storage import Objects, S3Uri, StorageError, upload_archive
from local.sagemaker.training_instance import Place, TrainingInstance
from local.sagemaker.training_job import TrainingJob

logger = logging.getLogger("local.sagemaker")

_POLL_SECONDS = 0.05
_STOP_GRACE_SECONDS = 120.0
_MAX_FAILURE = 980  # leaves room for the exit code within SageMaker's 1,024 characters


class _ClientError(Exception):
    """The request asked for something that cannot be had; the message is the job's FailureReason."""


class _Outcome(Enum):
    """How the training ended; the value is the secondary status that the job ends in."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    ACCOUNT_STOPPED = ""


def start(job: TrainingJob, cores: Cores) -> Thread:
    """Announce `job` and carry it out on a thread of its own."""
    job.announce()
    return job.account.start_thread(f"training job {job.name}", partial(run, job, cores))


def run(job: TrainingJob, cores: Cores) -> None:
    """Carry `job` out on `cores`; always ends it, unless the account itself ends first."""
    folder = job.account.work_folder("training-jobs", job.name)
    try:
        with cores.lent(job.num_cores, lambda: job.stop_requested.is_set() or job.account.stopping.is_set()) as held:
            if held:
                _Run(job, folder).carry_out()
            elif job.stop_requested.is_set():
                job.move("Stopped")
    except Exception as error:
        logger.exception("training job %r", job.name)
        if not job.account.stopping.is_set():
            job.fail(f"InternalServerError: the embedded account could not carry the job out: {error!r}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    def __init__(self, job: TrainingJob, folder: Path) -> None:
        self._job = job
        self._clock = job.account.clock
        self._instances = [TrainingInstance(job, folder / place.host, place) for place in _places(job)]

    def carry_out(self) -> None:
        try:
            self._job.note_training_started()
            self._job.move("Downloading")
            self._download()
            if self._job.stop_requested.is_set():
                self._job.move("Stopped")
                return
            self._job.move("Training")
            outcome = self._train()
            if outcome is not _Outcome.ACCOUNT_STOPPED:
                self._finish(outcome)
        except _ClientError as error:
            self._job.fail(f"ClientError: {error}")

    def _download(self) -> None:
        request = self._job.request
        try:
            containers.check_image(request["AlgorithmSpecification"]["TrainingImage"], containers.TRAINING_REPOSITORY)
            output_bucket = S3Uri.parse(request["OutputDataConfig"]["S3OutputPath"]).bucket
            if not Objects(self._job.account, request["RoleArn"]).exists(output_bucket):
                raise _ClientError(f"S3OutputPath: there is no bucket {output_bucket!r}; create it first")
            for instance in self._instances:
                instance.download()
        except (UnknownImageError, ChannelError, StorageError) as error:
            raise _ClientError(str(error)) from error

    def _train(self) -> _Outcome:
        """Run every instance to its end, or to the end of its time."""
        deadline = self._clock.time() + self._job.max_runtime_seconds
        try:
            for instance in self._instances:
                instance.start()
            self._job.kill = self._kill
            while (outcome := self._outcome(deadline)) is None:
                time.sleep(_POLL_SECONDS)
            if outcome is _Outcome.MAX_RUNTIME_EXCEEDED:
                self._job.move("Stopping")
            if outcome in {_Outcome.STOPPED, _Outcome.MAX_RUNTIME_EXCEEDED}:
                self._stop()
        finally:
            self._job.kill = None
            for instance in self._instances:
                instance.end()
        return outcome

    def _kill(self) -> None:
        for instance in self._instances:
            instance.kill()

    def _outcome(self, deadline: float) -> _Outcome | None:
        if self._job.account.stopping.is_set():
            return _Outcome.ACCOUNT_STOPPED
        codes = [instance.exit_code() for instance in self._instances]
        if any(codes):
            return _Outcome.STOPPED if self._job.stop_requested.is_set() else _Outcome.FAILED
        if all(code == 0 for code in codes):
            return _Outcome.COMPLETED
        if self._job.stop_requested.is_set():
            return _Outcome.STOPPED
        return _Outcome.MAX_RUNTIME_EXCEEDED if self._clock.time() > deadline else None

    def _stop(self) -> None:
        deadline = self._clock.time() + _STOP_GRACE_SECONDS
        while self._is_any_running() and self._clock.time() < deadline and not self._job.account.stopping.is_set():
            for instance in self._instances:
                instance.ask_to_stop()
            time.sleep(_POLL_SECONDS)

    def _is_any_running(self) -> bool:
        return any(instance.exit_code() is None for instance in self._instances)

    def _finish(self, outcome: _Outcome) -> None:
        reason = self._failure_reason() if outcome is _Outcome.FAILED else ""
        self._job.move("Uploading")
        artifacts = self._upload(with_model=outcome is not _Outcome.FAILED)
        if outcome is _Outcome.FAILED:
            self._job.fail(reason)
        elif outcome is _Outcome.COMPLETED and self._job.stop_requested.is_set():
            self._job.move(_Outcome.STOPPED.value, ModelArtifacts=artifacts)
        else:
            self._job.move(outcome.value, ModelArtifacts=artifacts)

    def _failure_reason(self) -> str:
        failed = next(instance for instance in self._instances if instance.exit_code())
        return f"AlgorithmError: {failed.failure()[:_MAX_FAILURE]}, exit code: {failed.exit_code()}"

    def _upload(self, *, with_model: bool) -> dict[str, str]:
        """Put model.tar.gz and, if there is any, output.tar.gz; return ModelArtifacts."""
        first, *others = self._instances
        for other in others:
            _merge(other.ml / "model", first.ml / "model")
            _merge(other.ml / "output" / "data", first.ml / "output" / "data")
        for instance in self._instances:
            instance.forget_input()
        if any((first.ml / "output" / "data").iterdir()):
            self._put(first.ml / "output" / "data", "output.tar.gz")
        if not with_model:
            return {}
        return {"S3ModelArtifacts": str(self._put(first.ml / "model", "model.tar.gz"))}

    def _put(self, folder: Path, name: str) -> S3Uri:
        prefix = self._job.output_uri
        destination = S3Uri(prefix.bucket, f"{prefix.key}/{name}")
        try:
            upload_archive(self._job.account, self._job.request["RoleArn"], folder, destination)
        except StorageError as error:
            raise _ClientError(f"Artifact upload failed:{error}") from error
        return destination


def _places(job: TrainingJob) -> list[Place]:
    """Return where each instance runs; several reach each other by loopback addresses of their own."""
    count = job.request["ResourceConfig"]["InstanceCount"]
    hosts = ("algo-1",) if count == 1 else tuple(f"127.0.0.{index + 1}" for index in range(count))
    return [Place(index, hosts, max(1, job.num_cores // count)) for index in range(count)]


def _merge(source: Path, target: Path) -> None:
    """Move the files of `source` that `target` lacks; the first instance's files win."""
    for path in sorted(source.rglob("*")):
        destination = target / path.relative_to(source)
        if path.is_dir():
            destination.mkdir(exist_ok=True)
        elif not destination.exists():
            path.rename(destination)
