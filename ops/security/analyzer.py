"""What IAM Access Analyzer has found of what the stack has made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ops.preflight.readings import UnansweredError, ask
from ops.security.finding import Finding, Risk, unknown
from ops.session import Session

_MOST_FINDINGS = 5000
_CREATE = "aws accessanalyzer create-analyzer --analyzer-name account --type ACCOUNT  (free of charge)"


def findings(session: Session, names: Collection[str]) -> list[Finding]:
    """Return the active findings on resources that end with one of `names`, or that nobody looks for any."""
    client = session.quick_client("accessanalyzer", session.region)
    try:
        analyzers = ask("access-analyzer:ListAnalyzers", lambda: _analyzers(client))
        if not analyzers:
            return [Finding(Risk.UNKNOWN, "Access Analyzer", f"none looks at {session.region}", _CREATE)]
        arn = analyzers[0]
        active = ask("access-analyzer:ListFindings", lambda: _active(client, arn))
    except UnansweredError as error:
        return [unknown("Access Analyzer", error)]
    return [
        Finding(
            Risk.OPEN,
            one["resource"],
            "Access Analyzer: reached from outside the account",
            f"aws accessanalyzer get-finding-v2 --analyzer-arn {arn} --id {one['id']}",
        )
        for one in active
        if _name(one.get("resource", "")) in names
    ]


def _analyzers(client: Any) -> list[str]:
    """Return the ARNs of the analyzers of outside access that work."""
    pages = client.get_paginator("list_analyzers").paginate(type="ACCOUNT")
    return [one["arn"] for page in pages for one in page["analyzers"] if one["status"] == "ACTIVE"]


def _active(client: Any, arn: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_findings_v2").paginate(
        analyzerArn=arn, filter={"status": {"eq": ["ACTIVE"]}}, PaginationConfig={"MaxItems": _MOST_FINDINGS}
    )
    return [one for page in pages for one in page["findings"]]


def _name(arn: str) -> str:
    """Return what a bucket, a function or a role is called."""
    return arn.rpartition(":")[2].rpartition("/")[2]
