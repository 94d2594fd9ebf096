"""The operations on training jobs."""

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock, Thread
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.quotas.limits import ALL_TRAINING, SPOT, TRAINING, quota_name
from embedded_account.quotas.quotas import Quotas
from embedded_account.sagemaker.shared.consistency import Consistency
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.sagemaker.training import debugger
from embedded_account.sagemaker.training import request as training_request
from embedded_account.sagemaker.training import run as training_run
from embedded_account.sagemaker.training.cores import Cores, num_cores
from embedded_account.sagemaker.training.job import LOST, TrainingJob
from embedded_account.sagemaker.training.warm_pools import WarmPools
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_END_SECONDS = 5.0
_PROFILING = ("ProfilerConfig", "ProfilerRuleConfigurations")


class TrainingJobs:
    """The account's training jobs, and the cores that they share."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tags = account.singleton(Tags)
        self._quotas = account.singleton(Quotas)
        self._consistency = account.singleton(Consistency)
        self._lock = Lock()
        self._jobs: dict[str, TrainingJob] = {}
        account.persist("training-jobs", lambda: [job.dump() for job in self.running_and_ended()], self._restore)
        self._threads: list[Thread] = []
        self._warm_pools = WarmPools(account)
        self.cores = Cores(num_cores())
        shutil.rmtree(account.work_folder("training-jobs"))  # what a killed account left behind
        account.on_stop(self.wait_for_runs)
        account.expose_running("training jobs", self.running)

    def start(self, request: dict[str, Any], *, cores: int = 0, tuning_job_arn: str = "") -> TrainingJob:
        """Start the job that `request` (already checked) asks for, on `cores`; by default all but the account's own.

        Two threads of a job that share their cores with anything else wait for each other most of the time: 350
        images a second became 37 (2026-11-21, 2 cores). So one core is left to the account, where there are several.

        Raises:
            ServiceError: the name is taken.
        """
        name = request["TrainingJobName"]
        job = TrainingJob(
            self._account, request, num_cores=cores or max(1, self.cores.total - 1), tuning_job_arn=tuning_job_arn
        )
        with self._lock:
            self._refuse_taken(name)
            self._jobs[name] = job
            self._warm_pools.reuse(job)
        self._consistency.made(job.arn)
        job.on_completion = self._warm_pools.leave
        self._tags.announce(job.arn, request.get("Tags"))
        thread = training_run.start(job, self.cores)
        with self._lock:
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        return job

    def running_and_ended(self) -> Sequence[TrainingJob]:
        """Return every job that there ever was."""
        with self._lock:
            return list(self._jobs.values())

    def _restore(self, kept: Sequence[dict[str, Any]]) -> None:
        """Take the records of jobs back; one that ran has failed with the account."""
        for one in kept:
            job = TrainingJob.load(self._account, one)
            self._jobs[job.name] = job
            if job.is_running:
                self._account.after_restore.append(lambda job=job: job.fail(LOST))  # type: ignore[misc]

    def wait_for_runs(self) -> None:
        """Return when no job runs any more, or after a while; for the end of the account, which ends them."""
        with self._lock:
            threads = list(self._threads)
        deadline = time.monotonic() + _END_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def get(self, name: str) -> TrainingJob:
        """Return the job `name`.

        Raises:
            ServiceError: there is none.
        """
        with self._lock:
            if name not in self._jobs:
                raise _missing()
            return self._jobs[name]

    def running(self) -> Sequence[TrainingJob]:
        """Return the jobs that have not ended."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.ended.is_set()]

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
            "UpdateTrainingJob": self.update,
            "DeleteTrainingJob": self.delete,
        }

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Check the request, against the quota too, and start the job."""
        with self._lock:
            self._refuse_taken(params["TrainingJobName"])
        training_request.check(self._account, params)
        self.require_room(params)
        return {"TrainingJobArn": self.start(params).arn}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the job as it is now, and with its warm pool."""
        job = self.get(params["TrainingJobName"])
        if self._consistency.misses(job.arn):
            raise _missing()
        return job.describe() | self._warm_pools.status(job)

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the jobs that the filters leave; MaxResults counts jobs of every status.

        Source: SageMaker API reference, ListTrainingJobs: StatusEquals and MaxResults at the same time.
        """
        with self._lock:
            jobs = list(self._jobs.values())
        summaries = [job.summary() | self._warm_pools.status(job) for job in jobs]
        summaries = self._consistency.listed(summaries, "TrainingJobArn")
        status = params.get("StatusEquals")
        filters = params | {"StatusEquals": None} if "MaxResults" in params else params
        selected = select(
            summaries, filters, name_key="TrainingJobName", status_key="TrainingJobStatus", order="Ascending"
        )
        answer = page(selected, params, "TrainingJobSummaries")
        shown = [job for job in answer["TrainingJobSummaries"] if status in (None, job["TrainingJobStatus"])]
        return answer | {"TrainingJobSummaries": shown}

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        """Ask a job to stop: its script gets SIGTERM and two minutes."""
        self.get(params["TrainingJobName"]).request_stop()
        return {}

    def update(self, params: dict[str, Any]) -> dict[str, Any]:
        """Change the profiling of a job that runs, or how long a completed one keeps its instances."""
        refuse("UpdateTrainingJob", params, {"TrainingJobName", "ResourceConfig", *_PROFILING})
        job = self.get(params["TrainingJobName"])
        profiling = {member: params[member] for member in _PROFILING if member in params}
        if profiling:
            self._change_profiling(job, profiling)
        if "ResourceConfig" in params or not profiling:
            self._change_warm_pool(job, params)
        return {"TrainingJobArn": job.arn}

    def _change_profiling(self, job: TrainingJob, changes: dict[str, Any]) -> None:
        if not job.is_running:
            raise validation_error(
                f"The training job {job.name} is in status {job.status}; only one that runs can be profiled."
            )
        debugger.check(changes, "UpdateTrainingJob")
        job.change_profiling(changes)

    def _change_warm_pool(self, job: TrainingJob, params: dict[str, Any]) -> None:
        pool = self._warm_pools.get(job.name)
        if pool is None or not pool.is_available(self._account.clock.now()):
            raise validation_error(
                f"The training job {job.name} has no warm pool in status Available; only such a one can be updated."
            )
        pool.keep(params.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds", job.keep_alive_seconds))

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Forget a job that has ended; its name may be used again."""
        job = self.get(params["TrainingJobName"])
        pool = self._warm_pools.get(job.name)
        if job.is_running or (pool and pool.is_available(self._account.clock.now())):
            what = f"is in status {job.status}" if job.is_running else "keeps a warm pool in status Available"
            raise ServiceError("ResourceInUse", f"The training job {job.name} {what} and cannot be deleted.")
        with self._lock:
            del self._jobs[job.name]
        self._warm_pools.forget(job.name)
        return {}

    def require_room(self, definition: dict[str, Any], num_jobs: int = 1) -> None:
        """Refuse more instances at one time than the account's quotas allow; jobs on spot count apart.

        Raises:
            ServiceError: one would be exceeded.
        """
        resources, is_spot = definition["ResourceConfig"], bool(definition.get("EnableManagedSpotTraining"))
        instance_type, wanted = resources["InstanceType"], resources["InstanceCount"] * num_jobs
        running = [job for job in self.running() if job.is_spot == is_spot]
        used = Counter[str]()
        for job in running:
            config = job.request["ResourceConfig"]
            used[config["InstanceType"]] += config["InstanceCount"]
        usage = SPOT if is_spot else TRAINING
        self._quotas.require(quota_name(instance_type, usage), used[instance_type], wanted)
        if not is_spot:
            self._quotas.require(ALL_TRAINING, used.total(), wanted)

    def _refuse_taken(self, name: str) -> None:
        if name in self._jobs:
            raise ServiceError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({arn(self._account, 'training-job', name)})",
            )


def _missing() -> ServiceError:
    return validation_error("Requested resource not found.")
