"""The operations on transform jobs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.quotas.limits import TRANSFORM, quota_name
from embedded_account.quotas.quotas import Quotas
from embedded_account.sagemaker.endpoints.artifacts import Artifacts
from embedded_account.sagemaker.registry.models import Models
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.sagemaker.transform.job import LOST, TransformJob
from embedded_account.sagemaker.transform.run import Run
from embedded_account.wiring.serving import Operation


class TransformJobs:
    """The account's transform jobs."""

    def __init__(self, account: Account, models: Models) -> None:
        self._account = account
        self._models = models
        self._tags = account.singleton(Tags)
        self._quotas = account.singleton(Quotas)
        self._consistency = account.singleton(Consistency)
        self._artifacts = account.singleton(Artifacts)
        self._lock = Lock()
        self._jobs: dict[str, TransformJob] = {}
        self._runs: list[Run] = []
        self._artifacts.add_user(self._base_folders)
        account.persist("transform-jobs", lambda: [job.dump() for job in self._all()], self._restore)

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateTransformJob": self.create,
            "DescribeTransformJob": self.describe,
            "ListTransformJobs": self.list,
            "StopTransformJob": self.stop,
        }

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Check the request, against the quota too, and start the job."""
        self._models.build_on(params["ModelName"])
        job = TransformJob(self._account, params)
        self._require_room(job)
        run = Run(job, self._models, self._artifacts)
        with self._lock:
            if job.name in self._jobs:
                raise ServiceError(
                    "ResourceInUse",
                    "Job name must be unique within an AWS account and region, and a job with this name already "
                    f"exists ({job.arn})",
                )
            self._jobs[job.name] = job
            self._runs = [one for one in self._runs if one.is_running] + [run]
        self._consistency.made(job.arn)
        self._tags.announce(job.arn, params.get("Tags"))
        job.announce()
        self._account.start_thread(f"transform job {job.name}", run)
        return {"TransformJobArn": job.arn}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the job as it is now."""
        job = self._get(params["TransformJobName"])
        if self._consistency.misses(job.arn):
            raise _missing(job.name)
        return job.describe()

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the jobs that the filters leave, newest first."""
        summaries = self._consistency.listed((job.summary() for job in self._all()), "TransformJobArn")
        selected = select(summaries, params, name_key="TransformJobName", status_key="TransformJobStatus")
        return page(selected, params, "TransformJobSummaries")

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        """Ask a job to stop: what is under way ends without output, what is there already stays."""
        self._get(params["TransformJobName"]).request_stop()
        return {}

    def _base_folders(self) -> Sequence[Path]:
        with self._lock:
            return [folder for run in self._runs for folder in run.base_folders]

    def _all(self) -> Sequence[TransformJob]:
        with self._lock:
            return [*self._jobs.values()]

    def _get(self, name: str) -> TransformJob:
        with self._lock:
            if name not in self._jobs:
                raise _missing(name)
            return self._jobs[name]

    def _restore(self, kept: Sequence[dict[str, Any]]) -> None:
        """Take the records of jobs back; one that ran has failed with the account."""
        for one in kept:
            job = TransformJob.load(self._account, one)
            self._jobs[job.name] = job
            if job.is_running:
                self._account.after_restore.append(partial(job.move, "Failed", LOST))

    def _require_room(self, job: TransformJob) -> None:
        """Refuse more instances at one time than the account's quotas allow."""
        used = Counter[str]()
        for other in self._all():
            if other.is_running:
                used[other.request.instance_type] += other.request.instance_count
        wanted = job.request.instance_type
        self._quotas.require(quota_name(wanted, TRANSFORM), used[wanted], job.request.instance_count)


def _missing(name: str) -> ServiceError:
    return validation_error(f"Could not find requested job with name: {name}")
