"""The account's roles: which have policies that allow far more than they use, and which nobody uses.

Source: IAM user guide, "Refine permissions in AWS using last accessed information".
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.preflight.readings import UnansweredError, ask
from ops.security.finding import Finding, Risk, unknown
from ops.security.policies import allows_everything, is_broad_name, open_statements
from ops.session import Session

_OF_AWS = ("/aws-service-role/", "/aws-reserved/")  # AWS alone may change these
_NUM_THREADS = 4  # IAM takes few requests a second
_REPORT_SECONDS, _PAUSE_SECONDS = 30.0, 1.0
_READ_ROLE = "iam:GetRole, iam:List* and iam:Get* of role policies"
_READ_USE = "iam:GenerateServiceLastAccessedDetails and iam:GetServiceLastAccessedDetails"


def findings(session: Session, of_the_stack: Collection[str], days: int) -> list[Finding]:
    """Look at every role of the account; those of the stack may be unused, since some of their work is rare."""
    iam = session.client("iam")
    try:
        roles = ask("iam:ListRoles", lambda: _listed(iam))
    except UnansweredError as error:
        return [unknown("roles of the account", error)]
    own = [role for role in roles if not role["Path"].startswith(_OF_AWS)]
    since = datetime.now(UTC) - timedelta(days=days)
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        of_each = pool.map(lambda role: _of_role(iam, role, of_the_stack, since, days), own)
        return list(dict.fromkeys(finding for of_one in of_each for finding in of_one))


def _listed(iam: Any) -> list[dict[str, Any]]:
    return [role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]


def _of_role(
    iam: Any, role: dict[str, Any], of_the_stack: Collection[str], since: datetime, days: int
) -> list[Finding]:
    name = role["RoleName"]
    try:
        broad, last = ask(_READ_ROLE, lambda: _policies_and_last_use(iam, name))
    except UnansweredError as error:
        return [unknown(f"role {name}", error)]
    made = _open_to_everybody(role)
    try:
        used = ask(_READ_USE, lambda: used_services(iam, role["Arn"], since)) if broad else ""
    except UnansweredError as error:
        used = ""
        made.append(unknown("which services roles have used", error))
    made += [Finding(Risk.BROAD, f"role {name}", f"{policy}{used}", remedy) for policy, remedy in broad]
    if name not in of_the_stack and (last or role["CreateDate"]) < since:
        when = f"last used on {last:%Y-%m-%d}" if last else f"never used in {days} days"
        remove = f"aws iam delete-role --role-name {name}  (detach its policies first)"
        made.append(Finding(Risk.UNUSED, f"role {name}", when, remove))
    return made


def _policies_and_last_use(iam: Any, name: str) -> tuple[list[tuple[str, str]], datetime | None]:
    try:
        last = iam.get_role(RoleName=name)["Role"].get("RoleLastUsed", {}).get("LastUsedDate")
        return list(_broad_policies(iam, name)), last
    except iam.exceptions.NoSuchEntityException:  # it was deleted while we looked
        return [], datetime.now(UTC)


def _open_to_everybody(role: dict[str, Any]) -> list[Finding]:
    name = role["RoleName"]
    return [
        Finding(
            Risk.OPEN,
            f"role {name}",
            "its trust policy lets everybody assume it",
            f"aws iam update-assume-role-policy --role-name {name} --policy-document file://TRUST.json",
        )
        for _ in open_statements(role["AssumeRolePolicyDocument"])[:1]
    ]


def _broad_policies(iam: Any, role: str) -> Iterator[tuple[str, str]]:
    """Yield each policy of a role that allows too much, with the command that takes it away."""
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for policy in page["AttachedPolicies"]:
            name, arn = policy["PolicyName"], policy["PolicyArn"]
            if is_broad_name(name) if ":aws:policy/" in arn else allows_everything(_document(iam, arn)):
                yield f"has {name}", f"aws iam detach-role-policy --role-name {role} --policy-arn {arn}"
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            if allows_everything(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]):
                command = f"aws iam delete-role-policy --role-name {role} --policy-name {name}"
                yield f"its policy {name} allows everything of a service or of all", command


def _document(iam: Any, arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: dict[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document


def used_services(iam: Any, arn: str, since: datetime) -> str:
    """Return which services a role has used, as the end of a sentence; "" where IAM does not say in time."""
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    until = time.monotonic() + _REPORT_SECONDS
    while (report := _report(iam, job))["JobStatus"] == "IN_PROGRESS":
        if time.monotonic() > until:
            return ""
        time.sleep(_PAUSE_SECONDS)
    if report["JobStatus"] != "COMPLETED":
        return ""
    used = [
        one["ServiceNamespace"] for one in report["ServicesLastAccessed"] if one.get("LastAuthenticated", since) > since
    ]
    return f"; used of it in this time: {', '.join(sorted(used)) or 'nothing'}"


def _report(iam: Any, job: str) -> dict[str, Any]:
    """Return a report of IAM with all its pages."""
    report: dict[str, Any] = iam.get_service_last_accessed_details(JobId=job)
    while report.get("IsTruncated"):
        page = iam.get_service_last_accessed_details(JobId=job, Marker=report["Marker"])
        report = page | {"ServicesLastAccessed": [*report["ServicesLastAccessed"], *page["ServicesLastAccessed"]]}
    return report
