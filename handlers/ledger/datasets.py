"""What is known of a dataset: its last upload, its last execution, why one was skipped, and its last tuning job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.ledger.rows import Ledger, Row, now


@dataclass(frozen=True)
class Dataset(Row):
    PREFIX = "dataset#"

    name: str
    s3_uri: str = ""
    uploaded_at: str | None = None
    sequencer: str | None = None
    modified_at: str | None = None  # of the object that completed what the last execution was started on, by S3's clock
    fingerprint: str | None = None
    run_key: str | None = None
    attempt: int = 1
    execution_name: str | None = None
    status: str | None = None
    updated_at: str | None = None
    skipped_at: str | None = None
    skip_reason: str | None = None
    tuning_job_name: str | None = None
    earlier_tuning_jobs: list[str] | None = None

    @classmethod
    def upload(cls, ledger: Ledger, name: str, s3_uri: str, sequencer: str) -> None:
        """Note an upload."""
        own = {"name": name, "s3_uri": s3_uri, "uploaded_at": now(), "sequencer": sequencer}
        cls(name).change(ledger, own)

    @classmethod
    def skip(cls, ledger: Ledger, name: str, reason: str) -> None:
        """Note why no execution was started."""
        cls(name).change(ledger, {"skipped_at": now(), "skip_reason": reason})

    def launch(self, ledger: Ledger) -> None:
        """Note the execution that has started for what this row says; uploads and skips stay noted."""
        given = {
            "name": self.name,
            "s3_uri": self.s3_uri,
            "fingerprint": self.fingerprint,
            "run_key": self.run_key,
            "attempt": self.attempt,
            "execution_name": self.execution_name,
            "status": self.status,
            "updated_at": now(),
        }
        if self.modified_at:
            given["modified_at"] = self.modified_at
        self.change(ledger, given)

    def tuning_jobs(self) -> list[str]:
        """Return the last tuning jobs of the dataset, the newest first."""
        newest = [self.tuning_job_name] if self.tuning_job_name else []
        return newest + [name for name in self.earlier_tuning_jobs or [] if name != self.tuning_job_name]

    @classmethod
    def end(cls, ledger: Ledger, name: str, execution_name: str, changes: Mapping[str, Any]) -> bool:
        """Note the end of the dataset's last execution; a later one has the word."""
        given = {**changes, "updated_at": now()}
        return cls(name).change(ledger, given, "#ExecutionName = :own", own=execution_name)
