"""Task tokens: stored before the work starts, answered once it has ended, by whoever notices first.

A token is claimed for a minute, answered, then deleted. A duplicate finds the claim and does nothing; a claimant that
dies leaves a claim that runs out, so that the sweep answers instead and no state waits for its timeout.
"""

import time
from dataclasses import dataclass

from handlers.contract.states import JobKind
from handlers.ledger.rows import Ledger, Row

CLAIM_SECONDS = 60
KEPT_SECONDS = 14 * 86_400


@dataclass(frozen=True)
class Token(Row):
    """A state that waits for a job or for the endpoint, with the token that lets its execution go on."""

    PREFIX = "token#"

    resource_arn: str
    kind: JobKind = "training"
    resource_name: str = ""
    task_token: str = ""
    execution_name: str = ""
    endpoint_config_name: str | None = None
    previous_endpoint_config_name: str | None = None
    captured_s3_uri: str | None = None  # of a shadow
    wait_seconds: int | None = None
    created_at: int = 0
    expires_at: int = 0
    started: bool | None = None  # whether the request was made
    taken_at: int | None = None
    taken_by: str | None = None

    @classmethod
    def key_of(cls, name: str) -> str:
        """Return the key of a resource's token; SageMaker writes names in ARNs in lower case."""
        return cls.PREFIX + name.lower()

    def store(self, ledger: Ledger) -> None:
        """Write the token in the place of an earlier try's."""
        ledger.table.put(self.item())

    def mark_started(self, ledger: Ledger) -> bool:
        """Say that the request was made; False if the token was answered meanwhile."""
        return self.change(ledger, {"started": True}, "#TaskToken = :token", token=self.task_token)

    def claim(self, ledger: Ledger) -> bool:
        """Claim the right to answer; False while another invocation has it, or when the token is gone."""
        now = int(time.time())
        free = "attribute_not_exists(#TakenAt) OR #TakenAt < :stale OR #TakenBy = :own"
        return self.change(
            ledger,
            {"taken_at": now, "taken_by": ledger.claimant},
            f"#TaskToken = :token AND ({free})",
            token=self.task_token,
            stale=now - CLAIM_SECONDS,
            own=ledger.claimant,
        )

    def release(self, ledger: Ledger) -> bool:
        """Give a claim back, so that anyone may answer at once."""
        return self.change(ledger, {"taken_at": None, "taken_by": None}, "#TaskToken = :token", token=self.task_token)

    def forget(self, ledger: Ledger) -> bool:
        """Delete the token; False if it is gone, or a retried state has stored a new one."""
        return ledger.table.delete(self.key, "#TaskToken = :token", token=self.task_token)
