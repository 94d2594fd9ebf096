"""All findings on the account's roles and the stack's functions and buckets, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops import console
from ops.console import result, say, table
from ops.security import analyzer, openings, roles
from ops.security.finding import COLUMNS, Finding, Risk
from ops.session import Session
from ops.stack import artifacts, stacks
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef


_RISK_WIDTH = 9


def findings(session: Session, stack: Stack, days: int) -> list[Finding]:
    """Look at everything; what the account does not let us see is a finding too."""
    made = [one for one in stacks.resources(session, stack) if not one["ResourceStatus"].startswith("DELETE_COMPLETE")]
    named = {kind: _names(made, kind) for kind in ("AWS::IAM::Role", "AWS::Lambda::Function", "AWS::S3::Bucket")}
    allowed = stack.parameters.get("AllowedBuckets", "").split(",")
    buckets = [*named["AWS::S3::Bucket"], artifacts.bucket_name(session), *filter(None, map(str.strip, allowed))]
    return sorted(
        [
            *openings.of_functions(session, named["AWS::Lambda::Function"], ["live"]),
            *openings.of_buckets(session, dict.fromkeys(buckets)),
            *analyzer.findings(session, [*named["AWS::Lambda::Function"], *buckets, *named["AWS::IAM::Role"]]),
            *roles.findings(session, named["AWS::IAM::Role"], days),
        ],
        key=lambda finding: (finding.risk, finding.subject),
    )


def show(session: Session, findings_made: list[Finding], days: int) -> None:
    """Print them, or that there is nothing."""
    if console.out.is_terminal:
        for line in (line for finding in findings_made for line in _lines(finding)):
            result(line)
    else:
        table("", COLUMNS, [finding.row() for finding in findings_made])
    counted = {risk: sum(finding.risk is risk for finding in findings_made) for risk in Risk}
    result(
        ", ".join(f"{number} {risk}" for risk, number in counted.items() if number) or "nothing is open or too broad"
    )
    say(f"unused: not in {days} days; IAM's own data may be four hours old. Nothing was changed.")


def _lines(finding: Finding) -> list[str]:
    """Return it as a person reads it, with a command that can be copied as one line."""
    remedy = [f"{'':<{_RISK_WIDTH}}{finding.remedy}"] if finding.remedy else []
    return [f"{finding.risk!s:<{_RISK_WIDTH}}{finding.subject}: {finding.seen}", *remedy]


def _names(made: list[StackResourceSummaryTypeDef], kind: str) -> list[str]:
    return [one["PhysicalResourceId"] for one in made if one["ResourceType"] == kind and "PhysicalResourceId" in one]
