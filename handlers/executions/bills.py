"""What the jobs of an execution have cost, by state: the seconds that SageMaker bills, at the stack's prices.

Source: DescribeTrainingJob: BillableTimeInSeconds is of one instance, and what managed spot training leaves of
TrainingTimeInSeconds; the seconds for which a warm pool was kept are billed beside it. The list of a tuning job's
training jobs has times alone; on spot instances each is described.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handlers import aws
from handlers.contract.names import (
    features_job_name,
    training_job_name,
    trials_job_name,
    tuning_job_name,
    unpacking_job_name,
)
from handlers.contract.settings import Settings
from handlers.contract.spending import hourly
from handlers.contract.states import JobKind
from handlers.training_jobs.jobs import describe

_PAGE = 100


@dataclass(frozen=True)
class Time:
    """The seconds of one job's instances, all together: billed, and saved by spot instances."""

    instance_type: str
    billed: int
    saved: int = 0


def bills(execution_name: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what each state has paid for, under the names of the run's record; a state without a job is not there."""
    now, prices = datetime.now(UTC), hourly(settings.instance_prices)
    of_tuning = _times_of_tuning(tuning_job_name(execution_name), now)
    times = {
        "UnpackArchive": _times_of("unpacking", unpacking_job_name(execution_name), now),
        "ComputeFeatures": _times_of("features", features_job_name(execution_name), now),
        "StartTuningJob": [*of_tuning, *_times_of("trials", trials_job_name(execution_name), now)],
        "StartTrainingJob": _times_of("training", training_job_name(execution_name), now),
    }
    return {state: bill_of(jobs, prices) for state, jobs in times.items() if jobs}


def total(of_states: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Return the dollars of all states; None where those of one are not known."""
    dollars = [bill.get("Dollars") for bill in of_states.values()]
    return None if None in dollars else round(sum(dollars), 6)  # type: ignore[arg-type]


def bill_of(jobs: Iterable[Time], prices: Mapping[str, float]) -> dict[str, Any]:
    """Return the bill of jobs on one type of instance; without dollars where its price is not known."""
    listed = list(jobs)
    kind, billed = listed[0].instance_type, sum(job.billed for job in listed)
    bill: dict[str, Any] = {"Jobs": len(listed), "InstanceType": kind, "BilledSeconds": billed}
    if saved := sum(job.saved for job in listed):
        bill["SpotSavedSeconds"] = saved
    if kind in prices:
        bill["Dollars"] = round(billed * prices[kind] / 3600, 6)
    return bill


def time_of(job: Mapping[str, Any], now: datetime, resources: Mapping[str, Any] | None = None) -> Time:
    """Return the seconds of a job; of one that is still being stopped, those until `now`."""
    config = resources or job["ResourceConfig"]
    started = job.get("TrainingStartTime")
    elapsed = round(((job.get("TrainingEndTime") or now) - started).total_seconds()) if started else 0
    trained = int(job.get("TrainingTimeInSeconds", elapsed))
    billed, count = int(job.get("BillableTimeInSeconds", trained)), int(config["InstanceCount"])
    kept = int(job.get("WarmPoolStatus", {}).get("ResourceRetainedBillableTimeInSeconds", 0))
    return Time(config["InstanceType"], (billed + kept) * count, max(0, trained - billed) * count)


def _times_of(kind: JobKind, name: str, now: datetime) -> list[Time]:
    job = describe(kind, name)
    return [time_of(job, now)] if job else []


def _times_of_tuning(name: str, now: datetime) -> Iterator[Time]:
    tuning = describe("tuning", name)
    if tuning is None:
        return
    definition = tuning["TrainingJobDefinition"]
    for job in _trials(name):
        is_spot = definition.get("EnableManagedSpotTraining", False)
        described = describe("training", job["TrainingJobName"]) if is_spot else None
        yield time_of(described or job, now, definition["ResourceConfig"])


def _trials(name: str) -> Iterator[Mapping[str, Any]]:
    pages = aws.sagemaker().get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    for page in pages.paginate(HyperParameterTuningJobName=name, PaginationConfig={"PageSize": _PAGE}):
        yield from page["TrainingJobSummaries"]
