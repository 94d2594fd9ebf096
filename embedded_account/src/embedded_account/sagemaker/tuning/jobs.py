"""The operations on tuning jobs."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.sagemaker.training.job import LOST
from embedded_account.sagemaker.training.jobs import TrainingJobs
from embedded_account.sagemaker.tuning import request as tuning_request
from embedded_account.sagemaker.tuning import run as tuning_run
from embedded_account.sagemaker.tuning import warm_start
from embedded_account.sagemaker.tuning.job import ENDED, TuningJob
from embedded_account.wiring.serving import Operation

_BY_NAME = {"sort_by": "Name", "order": "Ascending"}


class TuningJobs:
    """The account's tuning jobs."""

    def __init__(self, account: Account, training_jobs: TrainingJobs) -> None:
        self._account = account
        self._tags = account.singleton(Tags)
        self._consistency = account.singleton(Consistency)
        self._training_jobs = training_jobs
        self._lock = Lock()
        self._jobs: dict[str, TuningJob] = {}
        account.persist("tuning-jobs", self._dump, self._restore)

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateHyperParameterTuningJob": self.create,
            "DescribeHyperParameterTuningJob": self.describe,
            "ListHyperParameterTuningJobs": self.list,
            "StopHyperParameterTuningJob": self.stop,
            "DeleteHyperParameterTuningJob": self.delete,
            "ListTrainingJobsForHyperParameterTuningJob": self.list_training_jobs,
        }

    def get(self, name: str) -> TuningJob:
        """Return the job `name`.

        Raises:
            ServiceError: there is none.
        """
        with self._lock:
            if name not in self._jobs:
                raise _missing(name)
            return self._jobs[name]

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Check the request and its parents, and start the first training jobs."""
        with self._lock:
            self._refuse_taken(params["HyperParameterTuningJobName"])
        tuning_request.check(self._account, params)
        num_parallel = params["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
        self._training_jobs.require_room(tuning_request.training_job_request(params, "checked", {}), num_parallel)
        job = TuningJob(self._account, params, self._parents(params))
        with self._lock:
            self._refuse_taken(job.name)
            self._jobs[job.name] = job
        self._consistency.made(job.arn)
        self._tags.announce(job.arn, params.get("Tags"))
        tuning_run.start(job, self._training_jobs)
        return {"HyperParameterTuningJobArn": job.arn}

    def _dump(self) -> Sequence[dict[str, Any]]:
        with self._lock:
            return [job.dump() for job in self._jobs.values()]

    def _restore(self, kept: Sequence[dict[str, Any]]) -> None:
        """Take the records of jobs back, after those of their training jobs; one that ran has failed."""
        for one in kept:
            job = TuningJob.load(self._account, one, self._training_jobs.get, self.get)
            self._jobs[job.name] = job
            if job.describe()["HyperParameterTuningJobStatus"] not in {"Completed", "Failed", "Stopped"}:
                self._account.after_restore.append(lambda job=job: job.move("Failed", FailureReason=LOST))  # type: ignore[misc]

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the job as it is now: its counters, and its best training job so far."""
        job = self.get(params["HyperParameterTuningJobName"])
        if self._consistency.misses(job.arn):
            raise _missing(job.name)
        return job.describe()

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the jobs that the filters leave, newest first."""
        with self._lock:
            jobs = list(self._jobs.values())
        summaries = self._consistency.listed((job.summary() for job in jobs), "HyperParameterTuningJobArn")
        keys = {"name_key": "HyperParameterTuningJobName", "status_key": "HyperParameterTuningJobStatus"}
        chosen = select(summaries, params, **keys, **_BY_NAME)
        return page(chosen, params, "HyperParameterTuningJobSummaries")

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        """Ask a job to stop, and with it its training jobs."""
        self.get(params["HyperParameterTuningJobName"]).request_stop()
        return {}

    def list_training_jobs(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of a tuning job's training jobs; by value, only those that have one."""
        job = self.get(params["HyperParameterTuningJobName"])
        attempts = job.attempts
        if params.get("SortBy") == "FinalObjectiveMetricValue":
            valued = [(attempt.value, attempt) for attempt in attempts if attempt.value is not None]
            ordered = sorted(valued, key=lambda pair: pair[0], reverse=params.get("SortOrder") == "Descending")
            summaries = [job.attempt_summary(attempt) for _, attempt in ordered]
            status = params.get("StatusEquals")
            summaries = [summary for summary in summaries if status in {None, summary["TrainingJobStatus"]}]
        else:
            summaries = [job.attempt_summary(attempt) for attempt in attempts]
            keys = {"name_key": "TrainingJobName", "status_key": "TrainingJobStatus"}
            summaries = select(summaries, params, **keys, **_BY_NAME)
        return page(summaries, params, "TrainingJobSummaries")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Forget a job that has ended; its training jobs stay."""
        job = self.get(params["HyperParameterTuningJobName"])
        status = job.describe()["HyperParameterTuningJobStatus"]
        if status not in ENDED:
            raise ServiceError("ResourceInUse", f"The tuning job {job.name} is in status {status}; stop it first.")
        with self._lock:
            del self._jobs[job.name]
        return {}

    def _parents(self, params: dict[str, Any]) -> Sequence[TuningJob]:
        """Return the parents that the request names, checked by SageMaker's rules."""
        named = params.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
        parents = [self.get(one["HyperParameterTuningJobName"]) for one in named]
        described = [parent.describe() for parent in parents]
        warm_start.check_together(described, params)
        for parent in described:
            warm_start.check(parent, params)
        return parents

    def _refuse_taken(self, name: str) -> None:
        if name in self._jobs:
            raise ServiceError(
                "ResourceInUse",
                f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name.",
            )


def _missing(name: str) -> ServiceError:
    return ServiceError(
        "ResourceNotFound", f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
    )
