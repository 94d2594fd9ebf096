"""The account's roles: which have policies that allow far more than they use, and which nobody uses.

Source: IAM user guide, "Refine permissions in AWS using last accessed information".
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import error_code
from ops.security.finding import Finding, Risk, unknown
from ops.security.policies import allows_everything, is_broad_name
from ops.session import Session

_OF_AWS = ("/aws-service-role/", "/aws-reserved/")  # AWS alone may change these
_NUM_THREADS = 4  # IAM takes few requests a second
_REPORT_SECONDS = 30.0


def findings(session: Session, of_the_stack: Collection[str], days: int) -> list[Finding]:
    """Look at every role of the account; those of the stack may be unused, since some of their work is rare."""
    iam = session.client("iam")
    try:
        roles = [role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    except ClientError as error:
        return [unknown("roles of the account", error)]
    own = [role for role in roles if not role["Path"].startswith(_OF_AWS)]
    since = datetime.now(UTC) - timedelta(days=days)
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        of_each = pool.map(lambda role: _of_role(iam, role, of_the_stack, since, days), own)
        return [finding for of_one in of_each for finding in of_one]


def _of_role(
    iam: Any, role: dict[str, Any], of_the_stack: Collection[str], since: datetime, days: int
) -> list[Finding]:
    name = role["RoleName"]
    try:
        broad = list(_broad_policies(iam, name))
        last = iam.get_role(RoleName=name)["Role"].get("RoleLastUsed", {}).get("LastUsedDate")
        used = _used_services(iam, role["Arn"], since) if broad else ""
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":  # it was deleted while we looked
            return []
        return [unknown(f"role {name}", error)]
    made = [Finding(Risk.BROAD, f"role {name}", f"{policy}{used}", remedy) for policy, remedy in broad]
    if name not in of_the_stack and (last or role["CreateDate"]) < since:
        when = f"last used on {last:%Y-%m-%d}" if last else f"never used in {days} days"
        remove = f"aws iam delete-role --role-name {name}  (detach its policies first)"
        made.append(Finding(Risk.UNUSED, f"role {name}", when, remove))
    return made


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


def _used_services(iam: Any, arn: str, since: datetime) -> str:
    """Return which services a role has used, as the end of a sentence; "" where IAM does not say in time."""
    try:
        job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
        until = time.monotonic() + _REPORT_SECONDS
        while (report := iam.get_service_last_accessed_details(JobId=job))["JobStatus"] == "IN_PROGRESS":
            if time.monotonic() > until:
                return ""
            time.sleep(1)
    except ClientError:
        return ""
    services = [one for one in report.get("ServicesLastAccessed", []) if one.get("LastAuthenticated", since) > since]
    named = ", ".join(sorted(one["ServiceNamespace"] for one in services if "LastAuthenticated" in one))
    return f"; of it was used: {named or 'nothing'}"
