"""One execution at a time: who has the turn, and which datasets wait for theirs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.ledger.rows import Ledger, Row, now


@dataclass(frozen=True)
class Turn(Row):
    """The execution that may run; without the row, none does."""

    PREFIX = "lock#"
    NAME = "pipeline"

    name: str
    execution_name: str = ""
    taken_at: int = 0

    @classmethod
    def holder(cls, ledger: Ledger) -> "Turn | None":
        """Return who has the turn."""
        return cls.get(ledger, cls.NAME)

    @classmethod
    def take(cls, ledger: Ledger, execution_name: str) -> bool:
        """Take the turn if it is free, or keep one's own."""
        free = "attribute_not_exists(#Id) OR #ExecutionName = :own"
        return ledger.table.put(cls._of(execution_name), free, own=execution_name)

    def take_over(self, ledger: Ledger, execution_name: str) -> bool:
        """Take the turn from this holder, unless someone else has it by now."""
        same = "#ExecutionName = :over OR #ExecutionName = :own"
        return ledger.table.put(self._of(execution_name), same, over=self.execution_name, own=execution_name)

    @classmethod
    def give_back(cls, ledger: Ledger, execution_name: str) -> bool:
        """End an execution's turn; someone else's stays."""
        return ledger.table.delete(cls.key_of(cls.NAME), "#ExecutionName = :own", own=execution_name)

    @classmethod
    def _of(cls, execution_name: str) -> Mapping[str, Any]:
        return cls(cls.NAME, execution_name, int(time.time())).item()


@dataclass(frozen=True)
class Pending(Row):
    """A dataset that waits for its turn."""

    PREFIX = "pending#"

    name: str
    s3_uri: str = ""
    queued_at: str = ""
    version: int = 0
    modified_at: str | None = None

    @classmethod
    def queue(cls, ledger: Ledger, name: str, s3_uri: str, modified_at: str | None = None) -> None:
        """Let a dataset wait; its newest upload takes the place of an earlier one that still waits."""
        waiting = cls.get(ledger, name)
        since = waiting.queued_at if waiting else now()
        ledger.table.put(cls(name, s3_uri, since, time.time_ns(), modified_at).item())

    @classmethod
    def in_order(cls, ledger: Ledger) -> list["Pending"]:
        """Return the datasets that wait, the one that has waited longest first."""
        return sorted(cls.all(ledger), key=lambda one: (one.queued_at, one.name))

    def remove(self, ledger: Ledger) -> bool:
        """Take the dataset out of the queue, unless a newer upload has taken its place."""
        return ledger.table.delete(self.key, "#Version = :seen", seen=self.version)
