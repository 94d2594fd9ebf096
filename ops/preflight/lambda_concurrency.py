"""Lambda's account limit: how much concurrency may be reserved or provisioned for the prediction function.

Source: Lambda developer guide, "Configuring reserved concurrency" (of the account's limit, 100 stay for functions
without a reservation) and "Understanding Lambda function scaling"; accounts with a limit below 100 may reserve nothing:
there the part that must stay unreserved is the limit itself (public reports of limits of 10 and 50).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.preflight.finding import Finding, Verdict

_KEPT_UNRESERVED = 100
_QUOTA_CODE = "L-B99A9384"  # Lambda, "Concurrent executions"


@dataclass(frozen=True)
class Concurrency:
    """An account's limit, what of it is unreserved, and what of the rest this stack has reserved already."""

    limit: int
    unreserved: int
    own: int = 0

    @property
    def reservable(self) -> int:
        """Return how much this stack's function may reserve at most."""
        return max(0, self.unreserved + self.own - min(_KEPT_UNRESERVED, self.limit))


def judge(values: Mapping[str, str], account: Concurrency, region: str) -> list[Finding]:
    """Return what reserved and provisioned concurrency of `values` meet in `account`."""
    reserved, provisioned = (int(values[f"Predict{kind}Concurrency"]) for kind in ("Reserved", "Provisioned"))
    findings = [_judge_one("reserved", reserved, account, region)]
    if provisioned and not reserved:  # else it is a part of what is reserved
        findings.append(_judge_one("provisioned", provisioned, account, region))
    return findings


def _judge_one(kind: str, wanted: int, account: Concurrency, region: str) -> Finding:
    subject = f"Lambda, {kind} concurrency of the prediction function"
    have = f"{account.reservable} of the account's {account.limit}"
    if wanted <= account.reservable:
        return Finding(subject, have, str(wanted), Verdict.FITS)
    enough = wanted + _KEPT_UNRESERVED + (account.limit - account.unreserved - account.own)
    remedies = (
        f"--parameter Predict{kind.capitalize()}Concurrency={account.reservable}",
        f"aws service-quotas request-service-quota-increase --service-code lambda --quota-code {_QUOTA_CODE}"
        f" --desired-value {enough} --region {region}",
    )
    return Finding(subject, have, str(wanted), Verdict.BLOCKS, remedies)
