"""One answer of the look at the account's security."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ops.preflight.readings import UnansweredError


class Risk(IntEnum):
    """How much a finding matters, the worst first."""

    OPEN = 0  # somebody outside the account reaches it
    BROAD = 1  # somebody inside may far more than they need
    UNUSED = 2  # nobody would miss it
    UNKNOWN = 3  # the account did not say

    def __str__(self) -> str:
        """Return it as people read it."""
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """What was seen of whom, and the command that mends it."""

    risk: Risk
    subject: str
    seen: str
    remedy: str = ""

    def row(self) -> list[str]:
        """Return it as a row of the table."""
        return [str(self.risk), self.subject, self.seen, self.remedy]


def unknown(subject: str, error: UnansweredError) -> Finding:
    """Return that the account does not say, and which permission is missing."""
    return Finding(Risk.UNKNOWN, subject, str(error))


COLUMNS = ["risk", "who", "what was seen", "what mends it"]
