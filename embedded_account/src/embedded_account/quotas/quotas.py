"""The quotas of a running account: what they are now, what was asked for, and refusals in AWS's words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.quotas.limits import AccountKind, Quota, quotas_of

_GRANTED_AFTER_SECONDS = 1800.0  # on the account's clock; AWS takes minutes to days


@dataclass(frozen=True)
class Increase:
    """A request for more of a quota."""

    request_id: str
    quota: Quota
    wanted: float
    asked_at: float  # seconds of the account's clock

    def is_granted(self, now: float) -> bool:
        """Say whether it is in force."""
        return now >= self.asked_at + _GRANTED_AFTER_SECONDS


class Quotas:
    """The account's quotas; what was asked for is granted after half an hour of the account's clock."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._increases: list[Increase] = []
        self._lock = Lock()
        account.persist("quotas", lambda: list(self._increases), self._increases.extend)

    @cached_property
    def _defaults(self) -> dict[str, Quota]:
        return quotas_of(AccountKind.SETTLED)

    @cached_property
    def _applied(self) -> dict[str, Quota]:
        return quotas_of(AccountKind(self._account.kind))

    def of(self, service: str) -> list[Quota]:
        """Return the quotas of a service as they are in force."""
        return [self.get(name) for name, quota in self._applied.items() if quota.service == service]

    def defaults(self, service: str) -> list[Quota]:
        """Return what AWS gives to an account that has been in use."""
        return [quota for quota in self._defaults.values() if quota.service == service]

    def get(self, name: str) -> Quota:
        """Return one quota as it is in force."""
        now = self._account.clock.time()
        with self._lock:
            granted = [each.wanted for each in self._increases if each.quota.name == name and each.is_granted(now)]
        return replace(self._applied[name], value=max([self._applied[name].value, *granted]))

    def require(self, name: str, used: int, wanted: int) -> None:
        """Refuse `wanted` more instances where `used` are in use.

        Raises:
            ServiceError: ResourceLimitExceeded, with the quota's name and value.
        """
        value = self.get(name).value
        if used + wanted > value:
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{name}' is {value:g} Instances, with current utilization of {used} "
                f"Instances and a request delta of {wanted} Instances. Please use AWS Service Quotas to request an "
                "increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an "
                "increase for this quota.",
            )

    def ask_for(self, service: str, code: str, wanted: float) -> Increase:
        """Ask for more of the quota `code`.

        Raises:
            ServiceError: there is no such quota, or it is no more than there is.
        """
        quota = self.by_code(service, code)
        if wanted <= quota.value:
            raise ServiceError(
                "IllegalArgumentException", "You must provide a quota value greater than the current quota value."
            )
        increase = Increase(uuid.uuid4().hex, quota, wanted, self._account.clock.time())
        with self._lock:
            self._increases.append(increase)
        return increase

    def by_code(self, service: str, code: str) -> Quota:
        """Return the quota `code` of `service` as it is in force.

        Raises:
            ServiceError: there is none.
        """
        for quota in self.of(service):
            if quota.code == code:
                return quota
        raise ServiceError("NoSuchResourceException", f"quota {code!r} of {service!r}: there is none of this code")

    def describe(self, quota: Quota) -> dict[str, Any]:
        """Return a quota as Service Quotas answers with it."""
        arn = f"arn:aws:servicequotas:{self._account.region}:{self._account.account_id}:{quota.service}/{quota.code}"
        return {
            "ServiceCode": quota.service,
            "ServiceName": {"sagemaker": "Amazon SageMaker", "lambda": "AWS Lambda"}[quota.service],
            "QuotaArn": arn,
            "QuotaCode": quota.code,
            "QuotaName": quota.name,
            "Value": quota.value,
            "Unit": quota.unit,
            "Adjustable": True,
            "GlobalQuota": False,
        }

    def describe_increase(self, increase: Increase) -> dict[str, Any]:
        """Return a request as Service Quotas answers with it."""
        status = "APPROVED" if increase.is_granted(self._account.clock.time()) else "PENDING"
        members = ("ServiceCode", "ServiceName", "QuotaArn", "QuotaCode", "QuotaName", "GlobalQuota", "Unit")
        described = self.describe(increase.quota)
        return {name: described[name] for name in members} | {
            "Id": increase.request_id,
            "DesiredValue": increase.wanted,
            "Status": status,
            "Created": datetime.fromtimestamp(increase.asked_at, UTC),
        }

    def increases(self) -> list[Increase]:
        """Return what was asked for, oldest first."""
        with self._lock:
            return list(self._increases)
