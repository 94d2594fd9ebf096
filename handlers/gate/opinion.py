"""What the gate's rules come to: reasons against a model, and evidence that a person reads in any case."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ALPHA = 0.05  # how often a rule may be wrong by chance
_NAMED = 5


@dataclass(frozen=True)
class Opinion:
    """Reasons, each a sentence without its full stop; a model with none passes."""

    reasons: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)


def all_of(opinions: Iterable[Opinion]) -> Opinion:
    """Return what several rules say together."""
    both = Opinion()
    for one in opinions:
        both.reasons.extend(one.reasons)
        both.evidence.extend(one.evidence)
    return both


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Return the first of `names`, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
