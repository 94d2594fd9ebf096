"""Breaks a running account from outside, for tests and `embedded-account fault`; imports nothing heavy.

faults = Faults(account.info)
with faults.during("throttle", service="sagemaker", operation="CreateEndpoint", count=2):
    ...
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from embedded_account.control import AccountInfo, ask

FAULTS_PATH = "/_embedded-account/faults"


class Faults:
    """The faults of a running account."""

    def __init__(self, info: AccountInfo) -> None:
        self._info = info

    def add(self, kind: str, **members: Any) -> str:
        """Let a fault happen from now on; return its id. `members` are the options of `embedded-account fault add`.

        Raises:
            AccountError: there is no such fault.
        """
        return str(self._call("POST", "", {"kind": kind, **members})["id"])

    def waiting(self) -> list[dict[str, Any]]:
        """Return the faults that wait to happen, oldest first."""
        return list(self._call("GET")["Faults"])

    def history(self) -> list[dict[str, str]]:
        """Return what happened, oldest first: each with the id and kind of its fault, the time and the occasion."""
        return list(self._call("GET")["History"])

    def happened(self, fault_id: str) -> list[str]:
        """Return to what the fault `fault_id` happened."""
        return [each["occasion"] for each in self.history() if each["id"] == fault_id]

    def clear(self, fault_id: str = "") -> int:
        """Remove the fault `fault_id`, or all; return how many were removed."""
        return int(self._call("DELETE", f"/{fault_id}" if fault_id else "")["NumCleared"])

    @contextmanager
    def during(self, kind: str, **members: Any) -> Iterator[str]:
        """Let a fault happen inside the block only."""
        fault_id = self.add(kind, **members)
        try:
            yield fault_id
        finally:
            self.clear(fault_id)

    def _call(self, method: str, path: str = "", body: dict[str, Any] | None = None) -> Any:
        return ask(self._info, method, FAULTS_PATH + path, body)
