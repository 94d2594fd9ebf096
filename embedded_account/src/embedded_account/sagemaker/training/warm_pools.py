"""Warm pools: instances that a completed job keeps for a while, and the matching job that takes them over.

Nothing is faster with them here, unless the account has AWS's delays: instances start at once. The statuses and times
are AWS's.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from embedded_account.account import Account
from embedded_account.quotas.limits import WARM_POOL, quota_name
from embedded_account.quotas.quotas import Quotas
from embedded_account.sagemaker.training.job import TrainingJob

_MATCHED = ("InstanceType", "InstanceCount", "VolumeSizeInGB")


class WarmPool:
    """The instances that one completed job keeps, from `since` on."""

    def __init__(self, job: TrainingJob, since: datetime) -> None:
        self.job = job
        self._since = since
        self._seconds = int(job.request["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0))
        self._taken_at: datetime | None = None
        self._taken_by = ""

    def keep(self, seconds: int) -> None:
        """Keep the instances `seconds` after the job's end, not as long as before; 0 lets them go."""
        self._seconds = seconds

    def is_available(self, now: datetime) -> bool:
        """Say whether another job may take the instances over."""
        return not self._taken_by and now < self._until()

    def fits(self, job: TrainingJob) -> bool:
        """Say whether `job` asks for just these instances."""
        mine, others = self.job.request, job.request
        return mine["RoleArn"] == others["RoleArn"] and all(
            mine["ResourceConfig"].get(name) == others["ResourceConfig"].get(name) for name in _MATCHED
        )

    def take(self, job: TrainingJob, now: datetime) -> None:
        """Hand the instances to `job`."""
        self._taken_at, self._taken_by = now, job.name

    def describe(self, now: datetime) -> dict[str, Any]:
        """Return WarmPoolStatus."""
        end = min(self._taken_at or now, self._until())
        status = {"ResourceRetainedBillableTimeInSeconds": max(0, round((end - self._since).total_seconds()))}
        if self._taken_by:
            return {"Status": "Reused", "ReusedByJob": self._taken_by} | status
        return {"Status": "Available" if self.is_available(now) else "Terminated"} | status

    def _until(self) -> datetime:
        return self._since + timedelta(seconds=self._seconds)


class WarmPools:
    """The account's warm pools, by the job that left them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._quotas = account.singleton(Quotas)
        self._pools: dict[str, WarmPool] = {}

    def leave(self, job: TrainingJob) -> None:
        """Keep the instances of a job that has completed, if it asked for it and the quota has room.

        Source: SageMaker Developer Guide, "Request a warm pool quota increase": a job that asks for a pool beyond the
        limit runs as any other, and no pool is retained after it.
        """
        if job.keep_alive_seconds and job.status == "Completed" and self._has_room(job):
            self._pools[job.name] = WarmPool(job, self._account.clock.now())

    def _has_room(self, job: TrainingJob) -> bool:
        """Say whether the account may keep as many instances of this type more."""
        asked, now = job.request["ResourceConfig"], self._account.clock.now()
        kept = [pool.job.request["ResourceConfig"] for pool in _available(self._pools.values(), now)]
        used = sum(one["InstanceCount"] for one in kept if one["InstanceType"] == asked["InstanceType"])
        quota = self._quotas.get(quota_name(asked["InstanceType"], WARM_POOL))
        return bool(used + asked["InstanceCount"] <= quota.value)

    def reuse(self, job: TrainingJob) -> None:
        """Let `job` take over the instances of the first pool that fits, if there is one."""
        now = self._account.clock.now()
        if not job.keep_alive_seconds:
            return
        for pool in _available(self._pools.values(), now):
            if pool.fits(job):
                pool.take(job, now)
                job.is_on_warm_pool = True
                return

    def get(self, name: str) -> WarmPool | None:
        """Return the pool that the job `name` left."""
        return self._pools.get(name)

    def forget(self, name: str) -> None:
        """Forget the pool of a job that is deleted."""
        self._pools.pop(name, None)

    def status(self, job: TrainingJob) -> dict[str, Any]:
        """Return the job's WarmPoolStatus as a member of its description; nothing for a job without a pool."""
        pool = self._pools.get(job.name)
        if pool is not None:
            return {"WarmPoolStatus": pool.describe(self._account.clock.now())}
        if job.keep_alive_seconds and job.is_running:
            return {"WarmPoolStatus": {"Status": "InUse", "ResourceRetainedBillableTimeInSeconds": 0}}
        return {}


def _available(pools: Iterable[WarmPool], now: datetime) -> list[WarmPool]:
    return [pool for pool in list(pools) if pool.is_available(now)]
