"""What came to a dataset's folder, or went from it, and whether something is still to be done about it."""

import shlex
from dataclasses import dataclass

from handlers.ledger.rows import Ledger, Row


@dataclass(frozen=True)
class Drop(Row):
    """The newest change that is known of a folder, and what was seen there when somebody looked last."""

    PREFIX = "drop#"

    name: str
    last_seen_at: str | None = None  # of the newest change: when its event was sent, or its object written
    waits: bool = False  # for the folder to settle
    remark: str | None = None  # what it waits for beside that, for people
    waits_since: str | None = None  # when a sweep saw first that it waits
    told_at: str | None = None  # that it has waited for long
    fingerprint: str | None = None
    num_files: int = 0
    looked_at: str | None = None

    def words(self, settle_seconds: int | str) -> str:
        """Return what it waits for, in a sentence."""
        since = f" since {self.waits_since}" if self.waits_since else ""
        why = self.remark or (
            f"files came or went until {self.last_seen_at}; it starts by itself once nothing has changed for "
            f"{settle_seconds} s (SettleSeconds), or as it is now with `deploy.py start {shlex.quote(self.name)}`"
        )
        return f"dataset {self.name!r} waits{since}: {why}"

    @classmethod
    def note(cls, ledger: Ledger, name: str, at: str) -> bool:
        """Note a change; False if one as late is known, since whoever looks after that sees this one too."""
        newer = "attribute_not_exists(#LastSeenAt) OR #LastSeenAt < :at OR (#LastSeenAt = :at AND #Waits = :yes)"
        return cls(name).change(ledger, {"last_seen_at": at, "waits": True}, newer, at=at, yes=True)

    def look(self, ledger: Ledger, at: str, fingerprint: str, num_files: int) -> bool:
        """Note what lies there."""
        return self.change(ledger, {"looked_at": at, "fingerprint": fingerprint, "num_files": num_files})

    def wait(self, ledger: Ledger, remark: str) -> bool:
        """Note what it waits for."""
        return remark == self.remark or self.change(ledger, {"remark": remark})

    def wait_since(self, ledger: Ledger, at: str) -> bool:
        """Note when it was first seen to wait."""
        return self.change(ledger, {"waits_since": at}, "#Waits = :yes", yes=True)

    def tell(self, ledger: Ledger, at: str) -> bool:
        """Note that its owner was told how long it has waited."""
        return self.change(ledger, {"told_at": at}, "#Waits = :yes", yes=True)

    def close(self, ledger: Ledger) -> bool:
        """Note that all was done that is due; False if a later change has come meanwhile, about which it was not."""
        done = {"waits": False, "remark": None, "waits_since": None, "told_at": None}
        return self.change(ledger, done, "#LastSeenAt = :seen", seen=self.last_seen_at)

    def forget(self, ledger: Ledger) -> bool:
        """Remove the row of a folder that is gone."""
        return ledger.table.delete(self.key, "#LastSeenAt = :seen", seen=self.last_seen_at)
