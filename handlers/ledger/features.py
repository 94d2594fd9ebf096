"""Which job made the features of a key."""

import time
from dataclasses import dataclass

from handlers.ledger.rows import Ledger, Row


@dataclass(frozen=True)
class Features(Row):
    """Written before the job starts: the features count only once it has completed."""

    PREFIX = "features#"

    features_key: str
    training_job_name: str = ""
    started_at: int = 0
    execution_name: str = ""

    @classmethod
    def note(cls, ledger: Ledger, features_key: str, training_job_name: str, execution_name: str) -> None:
        """Write down which job is about to compute the features of a key, and for which execution."""
        ledger.table.put(cls(features_key, training_job_name, int(time.time()), execution_name).item())

    def forget(self, ledger: Ledger) -> None:
        """Let no later execution use the features."""
        ledger.table.delete(self.key)
