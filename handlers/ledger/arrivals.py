"""What the sweep has seen in the bucket that nothing was done about."""

from dataclasses import dataclass

from handlers.ledger.rows import Ledger, Row, now


@dataclass(frozen=True)
class Arrival(Row):
    """A place in the bucket, what lay there, in how many sweeps it was the same, and what was done about it."""

    PREFIX = "arrival#"

    place: str  # a folder, a key, or "" for the bucket itself
    seen: str = ""  # changes when what lies there does
    looks: int = 0
    sentence: str | None = None  # why it starts nothing, and what to do; None for a dataset that is complete
    done_at: str | None = None  # when it was told, or started

    def done(self, ledger: Ledger) -> bool:
        """Note that what was due was done."""
        return self.change(ledger, {"done_at": now()})

    def keep(self, ledger: Ledger) -> None:
        ledger.table.put(self.item())

    def forget(self, ledger: Ledger) -> None:
        ledger.table.delete(self.key)
