"""What was measured of an instance: the template's parameter ScalingMeasurement, as `deploy.py measure` writes it."""

from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measurement: when, of which model on which instances, and what came of it; names of fields are the text's."""

    at: str  # UTC, to the minute
    run: str  # whose model answered
    network: str
    side: int  # of the pictures as the network sees them
    type: str
    p95_ms: float  # that was to be held
    per_minute: int  # invocations that an instance takes with it
    low: int
    high: int
    start_seconds: float  # of an instance
    work_ms: float  # a request at work
    workers: int
    factor: float  # of per_minute that is aimed at

    def text(self) -> str:
        """Return it as one line of words that have no blank."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what `text` says; None for an empty one, and for what nobody measured."""
        given = dict(word.partition("=")[::2] for word in text.split())
        kinds = {"int": int, "float": float, "str": str}
        try:
            return cls(**{one.name: kinds[getattr(one.type, "__name__", "")](given[one.name]) for one in fields(cls)})
        except (KeyError, ValueError):
            return None

    @property
    def target(self) -> int:
        """Return the invocations a minute and instance that it recommends."""
        return max(1, int(self.per_minute * self.factor))

    def words(self) -> str:
        """Return where the numbers come from."""
        return (
            f"measured {self.at} on {self.type} with {self.network} at {self.side} pixels (run {self.run}): "
            f"{self.per_minute} invocations a minute ({self.low} to {self.high}) with p95 below {self.p95_ms:g} ms, "
            f"of which {self.factor:g} is aimed at"
        )

    def changes(self, instance_type: str, network: str, side: int, target: float) -> list[str]:
        """Return what is otherwise than it was when this was measured."""
        compared = (
            ("the instance type", self.type, instance_type),
            ("the network", self.network, network),
            ("the side of pictures", str(self.side), str(side)),
            ("the target", str(self.target), f"{target:g}"),
        )
        return [f"{what} is {now}, was {before}" for what, before, now in compared if before != now]


def origin(text: str, instance_type: str, network: str, side: int, target: float) -> str:
    """Return of a target that was measured when and on what, with a warning if that has changed; else ""."""
    measured = Measurement.parse(text)
    if measured is None:
        return ""
    changes = measured.changes(instance_type, network, side, target)
    warning = f"; warning: {', '.join(changes)}: measure again" if changes else ""
    return f"the scaling target of {target:g} was {measured.words()}{warning}"
