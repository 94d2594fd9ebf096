"""The endpoint while it is away: what it is made of again, who asked for it, and how long its start takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.ledger.rows import Ledger, Row, now

TRY_SECONDS = 30  # one request to create it in so long, however many ask


def made_at(endpoint: Mapping[str, Any]) -> str:
    """Return what tells a described endpoint from another of its name."""
    return f"{endpoint['CreationTime'].timestamp():.3f}"


@dataclass(frozen=True)
class Standby(Row):
    """An endpoint that was taken away to be brought back; without `config_name` it is not away.

    `created_at` tells the endpoint that goes from the one that comes: both have the same name.
    """

    PREFIX = "standby#"

    endpoint_name: str
    config_name: str = ""
    taken_by: str = ""
    taken_at: str = ""
    created_at: str = ""  # of the endpoint that was taken away
    idle_since: str = ""
    by_hand: bool = False
    gives_way: bool = False  # to the deployment of another kind, whose run is going
    tags: list[dict[str, str]] = field(default_factory=list)
    wanted_at: int = 0  # Unix time of the first who asked for it, 0 for nobody yet
    tried_at: int = 0
    tried_by: str = ""
    problem: str = ""  # why the last start failed
    start_seconds: int = 0  # that the last start took; it outlives the rest

    @property
    def is_away(self) -> bool:
        """Tell whether the endpoint is away, or on its way there or back."""
        return bool(self.config_name)

    @classmethod
    def of(cls, ledger: Ledger, endpoint_name: str) -> "Standby":
        """Return what is known, of an endpoint that was never away too."""
        return cls.get(ledger, endpoint_name) or cls(endpoint_name)

    def take(self, ledger: Ledger) -> bool:
        """Write down that the endpoint is about to be taken away; False if it is away already."""
        changes = {
            "config_name": self.config_name, "taken_by": ledger.claimant, "taken_at": now(),
            "created_at": self.created_at, "idle_since": self.idle_since, "by_hand": self.by_hand,
            "gives_way": self.gives_way, "tags": self.tags,
            "wanted_at": self.wanted_at or None, "tried_at": None, "tried_by": None, "problem": None,
        }  # fmt: skip
        return self.change(ledger, changes, "attribute_not_exists(#ConfigName) OR #TakenBy = :own", own=ledger.claimant)

    def want(self, ledger: Ledger, at: int) -> bool:
        """Write down that someone asks for it; False if someone has, or it is there."""
        first = "attribute_exists(#ConfigName) AND (attribute_not_exists(#WantedAt) OR #WantedAt = :at)"
        return self.change(ledger, {"wanted_at": at, "problem": None}, first, at=at)

    def attempt(self, ledger: Ledger, at: int) -> bool:
        """Take the turn to create it; False if it is another's, or it is there."""
        free = "attribute_not_exists(#TriedAt) OR #TriedAt < :before OR #TriedBy = :own"
        condition = f"attribute_exists(#ConfigName) AND ({free})"
        changes = {"tried_at": at, "tried_by": ledger.claimant}
        return self.change(ledger, changes, condition, before=at - TRY_SECONDS, own=ledger.claimant)

    def give_up(self, ledger: Ledger, problem: str) -> bool:
        """Write down why it could not be started; whoever asks next lets it be tried again."""
        changes = {"wanted_at": None, "problem": problem[:1000]}
        return self.change(ledger, changes, "#TakenBy = :by", by=self.taken_by)

    def back(self, ledger: Ledger, start_seconds: int = 0) -> bool:
        """Forget that it was away, unless it was taken away once more meanwhile."""
        names = (
            "config_name", "taken_by", "taken_at", "created_at", "idle_since", "by_hand", "gives_way", "tags",
            "wanted_at", "tried_at", "tried_by", "problem",
        )  # fmt: skip
        changes = dict.fromkeys(names) | {"start_seconds": start_seconds or self.start_seconds}
        same = "attribute_not_exists(#ConfigName) OR #TakenBy = :by"
        return self.change(ledger, changes, same, by=self.taken_by)
