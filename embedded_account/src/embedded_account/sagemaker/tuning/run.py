"""Carries a tuning job out: starts training jobs, learns from each that ends, and says how it all ended."""

import logging
import math
import secrets
from contextlib import suppress
from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.sagemaker.training.jobs import TrainingJobs
from embedded_account.sagemaker.tuning import request as tuning_request
from embedded_account.sagemaker.tuning.job import Attempt, TuningJob, final_value
from embedded_account.shortages import shortage

logger = logging.getLogger("embedded_account.sagemaker")

_POLL_SECONDS = 0.5
_MAX_FIRST_FAILURES = 5
_IMPROVEMENT = 0.01


def start(tuning_job: TuningJob, training_jobs: TrainingJobs) -> None:
    """Announce `tuning_job` and carry it out on a thread of its own."""
    tuning_job.announce()
    tuning_job.account.start_thread(f"tuning job {tuning_job.name}", _Run(tuning_job, training_jobs).carry_out)


class _Run:
    def __init__(self, tuning_job: TuningJob, training_jobs: TrainingJobs) -> None:
        from embedded_account.sagemaker.tuning.search import Search

        self._tuning_job = tuning_job
        self._training_jobs = training_jobs
        self._account = tuning_job.account
        self._search = Search(tuning_job.config)
        for parent in tuning_job.parents:
            self._search.learn(parent.past(), is_identical=tuning_job.is_identical)
        self._limits: dict[str, Any] = tuning_job.config["ResourceLimits"]
        num_parallel = min(self._limits["MaxParallelTrainingJobs"], tuning_job.max_jobs)
        self._cores_each = max(1, training_jobs.cores.total // num_parallel)
        fixed = tuning_job.request["TrainingJobDefinition"].get("StaticHyperParameters", {})
        self._max_resource = tuning_request.max_resource(tuning_job.config, fixed) or math.inf
        self._num_failures = 0  # of the first jobs, when they all failed
        self._deadline = self._account.clock.time() + self._limits.get("MaxRuntimeInSeconds", float("inf"))

    def carry_out(self) -> None:
        """Run to the end; an error of ours ends the tuning job as Failed and is logged."""
        try:
            self._explore()
        except Exception as error:
            logger.exception("tuning job %r", self._tuning_job.name)
            self._stop_running()
            lacks = shortage(error, self._account.folder)
            ours = f"InternalServerError: the embedded account could not carry the tuning job out: {error!r}"
            self._tuning_job.move("Failed", FailureReason=f"ClientError: {lacks}" if lacks else ours)
        else:
            if not self._account.stopping.is_set():
                self._finish()

    def _explore(self) -> None:
        """Start jobs and learn from them until it is over and none runs any more."""
        while not self._account.stopping.is_set():
            is_over = self._is_over()
            if is_over:
                self._stop_running()
            elif self._may_start():
                self._start_job()
                continue
            elif not self._running():
                return
            if is_over and not self._running():
                return
            self._tuning_job.wake.wait(_POLL_SECONDS)
            self._tuning_job.wake.clear()
            for attempt in self._running():
                self._follow(attempt)

    def _running(self) -> list[Attempt]:
        return [attempt for attempt in self._tuning_job.attempts if not attempt.is_over]

    def _may_start(self) -> bool:
        num_running = len(self._running())
        has_room = num_running < self._limits["MaxParallelTrainingJobs"]
        return has_room and len(self._tuning_job.attempts) < self._tuning_job.max_jobs

    def _is_over(self) -> bool:
        """Say whether no further job is to start and those that run are to stop."""
        return (
            self._tuning_job.stop_requested.is_set()
            or self._account.clock.time() > self._deadline
            or self._reached_target()
            or self._no_longer_improves()
            or self._first_all_failed()
        )

    def _reached_target(self) -> bool:
        target = self._tuning_job.config.get("TuningJobCompletionCriteria", {}).get("TargetObjectiveMetricValue")
        best = self._tuning_job.best()
        if target is None or best is None or best.value is None:
            return False
        return best.value >= float(target) if self._tuning_job.maximizes else best.value <= float(target)

    def _no_longer_improves(self) -> bool:
        """Say whether as many jobs as the completion criteria name have not improved the best one by 1 %."""
        criteria = self._tuning_job.config.get("TuningJobCompletionCriteria", {}).get("BestObjectiveNotImproving", {})
        most = criteria.get("MaxNumberOfTrainingJobsNotImproving")
        if most is None:
            return False
        sign = 1 if self._tuning_job.maximizes else -1
        best, num_without = None, 0
        for value in [attempt.value for attempt in self._tuning_job.attempts if attempt.is_over]:
            if value is not None and (best is None or sign * (value - best) > _IMPROVEMENT * abs(best)):
                best, num_without = value, 0
            else:
                num_without += 1
        return num_without >= int(most)

    def _first_all_failed(self) -> bool:
        """Say whether the first jobs failed, which ends the tuning job; once it has, it stays so."""
        ended = [attempt for attempt in self._tuning_job.attempts if attempt.is_over]
        if len(ended) >= _MAX_FIRST_FAILURES and all(attempt.job.status == "Failed" for attempt in ended):
            self._num_failures = self._num_failures or len(ended)
        return self._num_failures > 0

    def _start_job(self) -> None:
        trial, tuned = self._search.propose()
        name = f"{self._tuning_job.name}-{len(self._tuning_job.attempts) + 1:03d}-{secrets.token_hex(4)}"
        request = tuning_request.training_job_request(self._tuning_job.request, name, tuned)
        job = self._training_jobs.start(request, cores=self._cores_each, tuning_job_arn=self._tuning_job.arn)
        self._tuning_job.add(Attempt(trial, job, tuned))
        job.on_end = self._tuning_job.wake.set
        if job.ended.is_set():  # before on_end was there
            self._tuning_job.wake.set()

    def _follow(self, attempt: Attempt) -> None:
        """Pass on what the attempt's job has printed; note its end, or stop it when it is hopeless."""
        has_ended = attempt.job.ended.is_set()
        values = attempt.job.metrics.history(self._tuning_job.objective_metric)
        for step, value in enumerate(values[attempt.num_reported :], attempt.num_reported + 1):
            attempt.num_reported = step
            if value == value and self._search.report(attempt.trial, step, value) and not has_ended:  # noqa: PLR0124
                attempt.is_pruned = True
        if has_ended:
            self._note_end(attempt)
        elif attempt.is_pruned or attempt.num_reported >= self._max_resource:
            self._stop(attempt)

    def _note_end(self, attempt: Attempt) -> None:
        if attempt.job.status != "Failed":
            attempt.value = final_value(attempt.job, self._tuning_job.objective_metric)
        attempt.is_over = True
        self._search.finish(attempt.trial, attempt.value, pruned=attempt.is_pruned and attempt.value is not None)

    def _stop_running(self) -> None:
        for attempt in self._running():
            self._stop(attempt)

    def _stop(self, attempt: Attempt) -> None:
        with suppress(ServiceError):  # it has just ended by itself
            attempt.job.request_stop()

    def _num_failed_in_vain(self) -> int:
        """Return how many jobs failed where none has a result: then the failures are the cause, not the objective."""
        return 0 if self._tuning_job.best() else sum(one.job.status == "Failed" for one in self._tuning_job.attempts)

    def _finish(self) -> None:
        attempts = self._tuning_job.attempts
        details = "Please take a look at the training job failures to get more details."
        if self._tuning_job.stop_requested.is_set():
            self._tuning_job.move("Stopped")
        elif len(attempts) == self._tuning_job.max_jobs and all(one.job.status == "Failed" for one in attempts):
            self._tuning_job.move("Failed", FailureReason=f"All training jobs failed. {details}")
        elif num_failures := self._num_failures or self._num_failed_in_vain():
            reason = f"No training job succeeded after {num_failures} attempts. {details}"
            self._tuning_job.move("Failed", FailureReason=reason)
        elif self._tuning_job.best() is None:
            reason = (
                f"No objective metrics found after running {len(attempts)} training jobs. Please ensure that the "
                "custom algorithm is emitting the objective metric as defined by the regular expression provided."
            )
            self._tuning_job.move("Failed", FailureReason=reason)
        else:
            self._tuning_job.move("Completed")
