"""Refuses a permissions boundary that is not there.

Source: IAM API reference, CreateRole, CreateUser and PutRolePermissionsBoundary: NoSuchEntity.
"""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.wiring.serving import check


def install(account: Account) -> None:
    """Look each boundary up among the account's policies and AWS's own."""

    def check_boundary(params: dict[str, Any]) -> None:
        from moto.iam.models import iam_backends

        arn = params.get("PermissionsBoundary")
        if arn and arn not in iam_backends[account.account_id]["aws"].managed_policies:
            raise ServiceError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")

    operations = ("CreateRole", "CreateUser", "PutRolePermissionsBoundary")
    check(account, "iam", dict.fromkeys(operations, check_boundary))
