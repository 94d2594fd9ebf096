"""IAM: a role that was just made is not known everywhere yet, where the account's delays are switched on."""

from typing import Any

from moto.iam.models import IAMBackend

from embedded_account.account import Account
from embedded_account.faults.delays import Delays
from embedded_account.wiring.replacement import replace

_ROLES = "delay-roles"
_PARAMETERS = (
    "self",
    "role_name",
    "assume_role_policy_document",
    "path",
    "permissions_boundary",
    "description",
    "tags",
    "max_session_duration",
    "linked_service",
)


def install(account: Account) -> None:
    """Note when a role is made.

    Source: IAM user guide, "Changes that I make are not always immediately visible".
    """
    delays = account.singleton(Delays)

    def create_role(self: Any, *arguments: Any, **named: Any) -> Any:
        role = create(self, *arguments, **named)
        delays.begin(_ROLES, role.name)
        return role

    create = replace(IAMBackend, "create_role", create_role, parameters=_PARAMETERS)


def remaining_seconds(account: Account, role_arn: str) -> float:
    """Return for how many seconds of the account's clock the role cannot be assumed yet."""
    return account.singleton(Delays).remaining(_ROLES, role_arn.rpartition("/")[2])
