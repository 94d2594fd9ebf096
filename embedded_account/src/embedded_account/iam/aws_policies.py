"""AWS's own managed policies, by their ARNs: moto carries their documents; each is taken up when it is asked for.

Source: AWS managed policy reference guide.
"""

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from embedded_account.account import Account
from embedded_account.wiring.serving import check

_PREFIX = "arn:aws:iam::aws:policy"
_BY_ARN = (
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateRole",
    "CreateUser",
    "GetPolicy",
    "GetPolicyVersion",
    "ListEntitiesForPolicy",
    "ListPolicyVersions",
    "PutRolePermissionsBoundary",
    "PutUserPermissionsBoundary",
)


def install(account: Account) -> None:
    """Let every IAM operation find the policies that AWS manages."""

    def take_up(params: dict[str, Any]) -> None:
        for member in ("PolicyArn", "PermissionsBoundary"):
            _take_up(account, str(params.get(member) or ""))

    def take_up_all(params: dict[str, Any]) -> None:
        if params.get("Scope") != "Local" and not params.get("OnlyAttached"):
            for arn in arns().values():
                _take_up(account, arn)

    check(account, "iam", dict.fromkeys(_BY_ARN, take_up) | {"ListPolicies": take_up_all})


@cache
def arns() -> dict[str, str]:
    """Return the ARNs of AWS's managed policies by their names."""
    return {name: f"{_PREFIX}{entry['Path']}{name}" for name, entry in _entries().items()}


def _take_up(account: Account, arn: str) -> None:
    known = iam_backends[account.account_id]["aws"].managed_policies
    name = arn.rpartition("/")[2]
    if not arn.startswith(f"{_PREFIX}/") or arn in known or arns().get(name) != arn:
        return
    known[arn] = AWSManagedPolicy.from_data(name, account.account_id, "us-east-1", _entries()[name])


@cache
def _entries() -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return entries
