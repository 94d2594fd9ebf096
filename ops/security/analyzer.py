"""What IAM Access Analyzer has found of what the stack has made."""

from __future__ import annotations

from collections.abc import Collection

from botocore.exceptions import ClientError

from ops.security.finding import Finding, Risk, unknown
from ops.session import Session

_CREATE = "aws accessanalyzer create-analyzer --analyzer-name account --type ACCOUNT  (free of charge)"


def findings(session: Session, names: Collection[str]) -> list[Finding]:
    """Return the active findings on resources that end with one of `names`, or that nobody looks for any."""
    client = session.quick_client("accessanalyzer", session.region)
    try:
        analyzers = client.list_analyzers(type="ACCOUNT")["analyzers"]
        if not analyzers:
            return [Finding(Risk.UNKNOWN, "Access Analyzer", f"none looks at {session.region}", _CREATE)]
        arn = analyzers[0]["arn"]
        active = {"status": {"eq": ["ACTIVE"]}}
        pages = client.get_paginator("list_findings_v2").paginate(analyzerArn=arn, filter=active)
        return [
            Finding(
                Risk.OPEN,
                one["resource"],
                "Access Analyzer: reached from outside the account",
                f"aws accessanalyzer get-finding-v2 --analyzer-arn {arn} --id {one['id']}",
            )
            for page in pages
            for one in page["findings"]
            if one.get("resource", "").endswith(tuple(names))
        ]
    except ClientError as error:
        return [unknown("Access Analyzer", error)]
