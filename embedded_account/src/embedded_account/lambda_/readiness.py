"""Whether a function can be changed and invoked yet: at once, unless the account has AWS's delays.

Source: Lambda developer guide, "Lambda function states".
"""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.faults.delays import Delays

_KIND = "delay-functions"
_PENDING = {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
IN_PROGRESS = {
    "LastUpdateStatus": "InProgress",
    "LastUpdateStatusReason": "The function is being created.",
    "LastUpdateStatusReasonCode": "Creating",
}


class Readiness:
    """Which functions are being created or updated, by their names."""

    def __init__(self, account: Account) -> None:
        self._delays = account.singleton(Delays)
        self._new: set[str] = set()

    def created(self, name: str) -> None:
        """Note that the function was made just now."""
        self._new.add(name)
        self._delays.begin(_KIND, name)

    def updated(self, name: str) -> None:
        """Note that an update of the function begins just now."""
        self._new.discard(name)
        self._delays.begin(_KIND, name)

    def describe(self, name: str, configuration: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration of $LATEST with the status that the function has now."""
        if not self._is_late(name):
            return configuration
        return configuration | (_PENDING if name in self._new else IN_PROGRESS)

    def require_changeable(self, name: str, arn: str) -> None:
        """Return when the function can be updated and published.

        Raises:
            ServiceError: ResourceConflictException, while it is being created or updated.
        """
        if self._is_late(name):
            raise _conflict(_of_state() if name in self._new else f"An update is in progress for resource: {arn}")

    def require_invocable(self, name: str) -> None:
        """Return when the function can be invoked; one that is being updated can.

        Raises:
            ServiceError: ResourceConflictException, while it is being created.
        """
        if name in self._new and self._is_late(name):
            raise _conflict(_of_state())

    def _is_late(self, name: str) -> bool:
        return self._delays.remaining(_KIND, name) > 0


def _of_state() -> str:
    return "The function is currently in the following state: Pending"


def _conflict(reason: str) -> ServiceError:
    return ServiceError("ResourceConflictException", f"The operation cannot be performed at this time. {reason}")
