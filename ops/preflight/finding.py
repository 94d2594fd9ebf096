"""One answer of the preflight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a finding means for `up`."""

    FITS = "ok"
    WARNS = "warning"  # the first run works; something later may not
    BLOCKS = "in the way"  # creation or the first run would surely fail
    UNKNOWN = "unknown"  # the account did not say


@dataclass(frozen=True)
class Finding:
    """What the account has, what the stack needs of it, and what to do where the two do not fit."""

    subject: str
    have: str
    need: str
    verdict: Verdict
    remedies: tuple[str, ...] = ()

    def row(self) -> list[str]:
        """Return it as a row of the table that people read."""
        return [str(self.verdict), self.subject, self.have, self.need, "\n".join(self.remedies)]


COLUMNS = ["", "what", "have", "need", "what to do"]


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Return those with which `up` would surely fail."""
    return [finding for finding in findings if finding.verdict is Verdict.BLOCKS]
