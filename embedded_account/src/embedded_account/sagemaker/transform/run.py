"""What a transform job does: it brings instances up, asks them about every object, and puts their answers into S3."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from embedded_account.sagemaker.endpoints.artifacts import ArtifactError, Artifacts
from embedded_account.sagemaker.endpoints.fleet import Fleet, NoInstanceError
from embedded_account.sagemaker.endpoints.instance import (
    InstanceDiedError,
    InstanceFailedError,
    InstanceGoneError,
    Launch,
)
from embedded_account.sagemaker.registry.models import Models
from embedded_account.sagemaker.shared.inputs import Entry, entries
from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError, put_object
from embedded_account.sagemaker.transform.job import TransformJob
from embedded_account.sagemaker.transform.processing import outputs
from embedded_account.sagemaker.transform.records import RecordError, assembled, payloads, records

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_STARTUP_SECONDS = 300.0
_ROOM_SECONDS = 0.05  # between two looks for an instance with room
_CLIENT_ERROR, _ALGORITHM_ERROR = "ClientError", "AlgorithmError"


class _FailedObjectError(Exception):
    """An object has no output; `kind` says whose fault it is."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Run:
    """The run of one transform job, on a thread of its own."""

    def __init__(self, job: TransformJob, models: Models, artifacts: Artifacts) -> None:
        self._job = job
        self._request = job.request
        self._models = models
        self._artifacts = artifacts
        self._role_arn: str = models.get(job.params["ModelName"])["ExecutionRoleArn"]
        self._objects = Objects(job.account, self._role_arn)
        self._data_log = f"{job.name}/data-log"
        self.base_folders: list[Path] = []  # what is in use

    @property
    def is_running(self) -> bool:
        """Say whether the job has not ended."""
        return self._job.is_running

    def __call__(self) -> None:
        """Carry the job out; it ends in one of its last states, whatever happens."""
        try:
            self._carry_out()
        except (ArtifactError, StorageError) as error:
            self._job.move("Failed", f"{_CLIENT_ERROR}: {error}")
        except InstanceFailedError:
            self._job.move("Failed", f"{_ALGORITHM_ERROR}: The primary container did not pass the ping health check.")
        except Exception as error:
            if not self._job.account.stopping.is_set():
                self._job.move("Failed", f"InternalServerError: {type(error).__name__}: {error}")
            raise

    def _carry_out(self) -> None:
        listed = entries(self._request.source, self._objects)
        fleet = Fleet(self._job.account, self._launch())
        try:
            fleet.resize(self._request.instance_count)
            self._job.note_started()
            failures = self._transform(fleet, listed)
        finally:
            fleet.close(0)
            self.base_folders.clear()
        if self._job.stop_requested.is_set():
            self._job.move("Stopped")
        elif failures:
            kind = _CLIENT_ERROR if all(one.kind == _CLIENT_ERROR for one in failures) else _ALGORITHM_ERROR
            self._job.move("Failed", f"{kind}: See job logs for more information")
        else:
            self._job.move("Completed")

    def _launch(self) -> Launch:
        name = self._job.params["ModelName"]
        container = self._models.container(name)
        own = {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD" if self._request.is_multi_record else "SINGLE_RECORD",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._request.max_payload_bytes >> 20),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self._request.num_parallel),
        }
        self.base_folders.append(self._artifacts.base_folder(container["ModelDataUrl"], self._role_arn))
        return Launch(
            self._job.name,
            self._job.name,
            self.base_folders[0],
            own | container.get("Environment", {}) | self._job.params.get("Environment", {}),
            self._role_arn,
            _STARTUP_SECONDS,
            self._request.instance_type,
            LOG_GROUP,
        )

    def _transform(self, fleet: Fleet, listed: list[Entry]) -> list[_FailedObjectError]:
        """Transform each object; return what went wrong with those that have no output."""
        failures = []
        with ThreadPoolExecutor(self._request.num_parallel * self._request.instance_count) as pool:
            for uri, path in listed:
                if self._is_over():
                    break
                try:
                    self._transform_object(fleet, pool, uri, path)
                except _FailedObjectError as failure:
                    self._log(f"{uri.bucket}/{uri.key}: {failure}")
                    failures.append(failure)
        return failures

    def _transform_object(self, fleet: Fleet, pool: ThreadPoolExecutor, uri: S3Uri, path: str) -> None:
        request = self._request
        try:
            read = records(self._objects.read(uri), splits_lines=request.splits_lines, is_gzip=request.is_gzip)
            bodies = payloads(
                map(request.processing.to_model, read),
                is_multi_record=request.batches_records,
                max_bytes=request.max_payload_bytes,
            )
            asked: list[Future[bytes]] = [pool.submit(self._ask, fleet, body) for body in bodies]
            answers = [one.result() for one in asked]
            if not self._is_over():
                body = self._assembled(read, answers)
                put_object(self._job.account, self._role_arn, body, request.output_of(path))
        except RecordError as error:
            raise _FailedObjectError(_CLIENT_ERROR, str(error)) from error

    def _assembled(self, read: list[bytes], answers: list[bytes]) -> bytes:
        """Return the object that the answers about the records `read` make."""
        request = self._request
        if not request.processing.does_something:
            return assembled(answers, lines=request.assembles_lines)
        stored = outputs(request.processing, read, answers, splits_answers=request.batches_records)
        return assembled(stored, lines=request.assembles_lines or len(stored) > 1)

    def _ask(self, fleet: Fleet, body: bytes) -> bytes:
        """Return the container's answer; what fails on its side is tried again."""
        failure = _FailedObjectError(_ALGORITHM_ERROR, "the job was stopped")
        for _ in range(1 + self._request.max_retries):
            if self._is_over():
                break
            try:
                return self._ask_once(fleet, body)
            except _FailedObjectError as error:
                if error.kind == _CLIENT_ERROR:
                    raise
                failure = error
        raise failure

    def _ask_once(self, fleet: Fleet, body: bytes) -> bytes:
        headers = {"Content-Type": self._request.content_type, "Accept": self._request.accept}
        given = {name: value for name, value in headers.items() if value}
        deadline = time.monotonic() + self._request.timeout_seconds
        while True:
            with suppress(NoInstanceError):
                instance = fleet.acquire()
                break
            if self._is_over() or time.monotonic() > deadline:
                raise _FailedObjectError(_ALGORITHM_ERROR, "no instance took the request in time")
            fleet.check()  # replaces what has died
            self._job.account.stopping.wait(_ROOM_SECONDS)
        try:
            status, _, content = instance.invoke(body, given, self._request.timeout_seconds)
        except (InstanceGoneError, InstanceDiedError) as error:
            instance.gone = True
            raise _FailedObjectError(_ALGORITHM_ERROR, "the model process ended") from error
        except TimeoutError as error:
            seconds = f"{self._request.timeout_seconds:.0f} s"
            raise _FailedObjectError(_ALGORITHM_ERROR, f"no answer within {seconds}") from error
        finally:
            fleet.release(instance)
        if status >= 400:
            kind = _CLIENT_ERROR if status < 500 else _ALGORITHM_ERROR
            message = content[:1000].decode(errors="replace")
            raise _FailedObjectError(kind, f"Bad HTTP status received from algorithm: {status}; {message}")
        return content

    def _is_over(self) -> bool:
        return self._job.stop_requested.is_set() or self._job.account.stopping.is_set()

    def _log(self, message: str) -> None:
        self._job.account.write_log(LOG_GROUP, self._data_log, [message])
