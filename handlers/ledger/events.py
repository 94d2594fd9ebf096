"""Upload events that were handled, or are: of each object the newest.

S3 delivers an event at least once and in any order. Of one object the greater `sequencer` is the later event, compared
as hexadecimal numbers of different lengths.
"""

import time
from dataclasses import dataclass, replace
from enum import StrEnum

from handlers.ledger.rows import Ledger, Row

CLAIM_SECONDS = 50  # Lambda repeats a crashed asynchronous invocation after a minute
_SEQUENCER_DIGITS = 64


class EventStatus(StrEnum):
    CLAIMED = "CLAIMED"
    DONE = "DONE"


@dataclass(frozen=True)
class Event(Row):
    """The newest event of an object; one without a sequencer is always new, and leaves no row."""

    PREFIX = "event#"

    object_key: str
    sequencer: str = ""
    status: str = EventStatus.CLAIMED
    claimed_at: int = 0
    claimed_by: str | None = None
    modified_at: str | None = None  # of the object when the event was handled, by S3's clock

    @classmethod
    def of(cls, object_key: str, sequencer: str, modified_at: str | None = None) -> "Event":
        return cls(object_key, comparable(sequencer) if sequencer else "", modified_at=modified_at)

    def claim(self, ledger: Ledger) -> bool:
        """Claim the event; False if it is a duplicate, or older than one that was handled.

        A claim runs out after CLAIM_SECONDS unless `finish` was called, so a crash loses no event.
        """
        if not self.sequencer:
            return True
        now = int(time.time())
        mine = replace(self, status=EventStatus.CLAIMED, claimed_at=now, claimed_by=ledger.claimant)
        newer = "attribute_not_exists(#Id) OR #Sequencer < :sequencer"
        unfinished = "#Sequencer = :sequencer AND #Status = :claimed AND (#ClaimedAt < :stale OR #ClaimedBy = :own)"
        return ledger.table.put(
            mine.item(),
            f"{newer} OR ({unfinished})",
            sequencer=self.sequencer,
            claimed=EventStatus.CLAIMED,
            stale=now - CLAIM_SECONDS,
            own=ledger.claimant,
        )

    def finish(self, ledger: Ledger) -> bool:
        """Mark a claimed event as handled for good; False if a newer one has taken its place."""
        if not self.sequencer:
            return True
        return self.change(ledger, {"status": EventStatus.DONE}, "#Sequencer = :own", own=self.sequencer)

    def release(self, ledger: Ledger) -> bool:
        """Give a claim back after a failure, so that the repeated invocation may take it at once."""
        if not self.sequencer:
            return True
        return self.change(ledger, {"claimed_at": 0}, "#Sequencer = :own", own=self.sequencer)


def comparable(sequencer: str) -> str:
    """Return the sequencer so that strings compare as the numbers do."""
    return sequencer.upper().rjust(_SEQUENCER_DIGITS, "0")
