"""What was begun for one and the same piece of work, by whom, so that it is paid once."""

from dataclasses import dataclass, field

from handlers.ledger.rows import Ledger, Row

KEPT = 3


@dataclass(frozen=True)
class Begun:
    """A job, or a model package, and the execution that it was begun for."""

    resource: str
    execution_name: str


@dataclass(frozen=True)
class Work(Row):
    """The last of what was begun, the newest first; each counts only once it is seen to be whole."""

    PREFIX = "work#"

    name: str  # the state, and the digest of all that bears on its result
    begun: list[dict[str, str]] = field(default_factory=list)

    def resources(self) -> list[Begun]:
        return [Begun(one["Resource"], one["Execution"]) for one in self.begun]

    @classmethod
    def note(cls, ledger: Ledger, name: str, begun: Begun) -> None:
        """Write down what is about to be begun; what was before stays, should this one come to nothing."""
        known = cls.get(ledger, name)
        own = {"Resource": begun.resource, "Execution": begun.execution_name}
        others = [one for one in (known.begun if known else []) if one != own]
        ledger.table.put(cls(name, [own, *others][:KEPT]).item())
