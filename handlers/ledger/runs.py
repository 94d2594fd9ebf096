"""The record of an execution, from its launch to its report."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from handlers.ledger.rows import Ledger, Row, minute, now


class RunStatus(StrEnum):
    """STARTING is ours; the others are Step Functions' own."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    TIMED_OUT = "TIMED_OUT"


_OPEN = "#Status = :starting OR #Status = :running"
_STATUSES = {"starting": RunStatus.STARTING, "running": RunStatus.RUNNING}


@dataclass(frozen=True)
class Run(Row):
    """What is known of an execution; its end adds what came of it, as far as it got."""

    PREFIX = "run#"

    execution_name: str
    status: str = ""
    reason: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    dataset: str | None = None
    fingerprint: str | None = None
    num_classes: int | None = None
    report_s3_uri: str | None = None
    pictures_s3_uri: str | None = None
    pictures_sha256: str | None = None
    num_pictures: int | None = None
    features_s3_uri: str | None = None
    warm_start: str | None = None
    tuning_job_name: str | None = None
    best_objective: float | None = None
    training_job_name: str | None = None
    billable_seconds: int | None = None
    accuracy: float | None = None
    threshold: float | None = None
    num_test_images: int | None = None
    served_by: str | None = None  # engine and precision, and why
    model_package_arn: str | None = None
    model_card: str | None = None  # the name of its card, or why there is none
    waits_since: str | None = None  # for a person's approval; kept when that has come
    waits_until: str | None = None
    evidence: str | None = None  # by which the gate has decided
    approval: str | None = None  # what the person said, and who that was
    rejected_at: str | None = None  # when a person said no
    endpoint_name: str | None = None
    endpoint_config_name: str | None = None
    failed_state: str | None = None
    error: str | None = None
    problems: list[str] | None = None
    data: list[str] | None = None  # what the examination of the dataset found, a sentence each
    reused: list[str] | None = None  # what it did not pay for, since an earlier run had, a sentence each
    judged_by: dict[str, Any] | None = None  # what the gate went by, by parameter
    champion: str | None = None  # the endpoint config that its model was held to; "" for none
    deployed_by: dict[str, Any] | None = None  # what its endpoint was made by, by parameter
    redo_from: str | None = None  # the state from which on nothing of earlier runs is taken
    bills: dict[str, Any] | None = None  # by state: Jobs, InstanceType, BilledSeconds, SpotSavedSeconds, Dollars
    dollars: float | None = None  # of all its jobs; the endpoint is not in it
    remark: str | None = None  # what is unusual about the run, from its start
    redeploys: str | None = None  # the run that trained the model, where this one deploys it again
    rolls_back: str | None = None  # of a rollback: the run that trained the model it leaves; "" where none is marked
    rolled_back_at: str | None = None  # since when this run's own model is not to be deployed by itself any more
    rolled_back_by: str | None = None

    @classmethod
    def noted(cls, ledger: Ledger, execution_name: str) -> Self:
        """Return the record of an execution, empty for one that was started by hand."""
        return cls.get(ledger, execution_name) or cls(execution_name)

    @property
    def is_open(self) -> bool:
        """Tell whether the row does not say yet how the execution ended."""
        return self.status in (RunStatus.STARTING, RunStatus.RUNNING)

    @property
    def waits_for_approval(self) -> bool:
        """Tell whether a person's word is what the run waits for."""
        return self.is_open and self.waits_since is not None and self.approval is None

    @property
    def approval_words(self) -> str:
        """Return what to add where others wait for a run that waits for approval; "" if it does not."""
        if not self.waits_for_approval:
            return ""
        choice = f"`deploy.py approve {self.execution_name}` or `deploy.py reject {self.execution_name} --reason WHY`"
        return f" (it waits for approval since {minute(self.waits_since)} UTC: {choice})"

    def note(self, ledger: Ledger) -> bool:
        """Write down an execution that is about to start; one that is noted already stays as it is."""
        return ledger.table.put(self.item(), "attribute_not_exists(#Id) OR #StartedAt = :own", own=self.started_at)

    def withdraw(self, ledger: Ledger) -> bool:
        """Take back the note of an execution that did not start."""
        return ledger.table.delete(self.key, "#Status = :starting", starting=RunStatus.STARTING)

    def mark_running(self, ledger: Ledger) -> bool:
        """Say that it has started, unless it is further already."""
        return self.change(ledger, {"status": RunStatus.RUNNING}, _OPEN, **_STATUSES)

    def note_warm_start(self, ledger: Ledger, sentence: str) -> bool:
        """Say what the tuning job began with; an execution that is not noted stays so."""
        return self.change(ledger, {"warm_start": sentence}, "attribute_exists(#Id)")

    def note_data(self, ledger: Ledger, sentences: list[str], place_s3_uri: str) -> bool:
        """Say what was found in the data, and where all of it lies; an execution that is not noted stays so."""
        return self.change(ledger, {"data": sentences, "features_s3_uri": place_s3_uri}, "attribute_exists(#Id)")

    def note_champion(self, ledger: Ledger, config_name: str) -> bool:
        """Say what serves while it trains; an execution that is not noted stays so."""
        return self.change(ledger, {"champion": config_name}, "attribute_exists(#Id)")

    def note_deployment(self, ledger: Ledger, parameters: Mapping[str, Any]) -> bool:
        """Say what its endpoint is made by; an execution that is not noted stays so."""
        return self.change(ledger, {"deployed_by": dict(parameters)}, "attribute_exists(#Id)")

    def note_reused(self, ledger: Ledger, sentence: str) -> bool:
        """Say what an earlier run has paid for; an execution that is not noted stays so."""
        reused = self.reused or []
        return sentence in reused or self.change(ledger, {"reused": [*reused, sentence]}, "attribute_exists(#Id)")

    def note_waiting(self, ledger: Ledger, what: Mapping[str, Any]) -> bool:
        """Say since when it waits for approval, and of what; an execution that is not noted stays so."""
        return self.change(ledger, {"waits_since": now(), **what}, "attribute_exists(#Id)")

    def note_approval(self, ledger: Ledger, words: str, *, is_rejected: bool) -> bool:
        """Say what a person has said of the model of a run that has not ended."""
        judged = {"approval": words, "rejected_at": now() if is_rejected else None}
        return self.change(ledger, judged, _OPEN, **_STATUSES)

    def close(self, ledger: Ledger, status: str, reason: str) -> bool:
        """Say how an execution ended that could not report itself; a report stays."""
        ended = {"status": status, "reason": reason, "ended_at": now()}
        return self.change(ledger, ended, f"{_OPEN} OR #EndedAt = :own", own=ended["ended_at"], **_STATUSES)

    def report(self, ledger: Ledger) -> None:
        """Add what this row says to what was noted at the start."""
        ledger.table.update(self.key, self.attributes())
