"""Makes GetCallerIdentity tell whose session an access key of the embedded account is."""

from typing import Any

from local.account import Account
from local.moto_patches import replace


def install(account: Account) -> None:
    """Look the caller up in the account's own sessions first."""
    from moto.sts.models import STSBackend

    def get_caller_identity(self: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
        principal = account.sessions.principal(access_key_id)
        if principal is None:
            found: tuple[str, str, str] = original(self, access_key_id, region)
            return found
        if not principal.role_arn:
            return account.account_id, f"arn:aws:iam::{account.account_id}:root", account.account_id
        role_name = principal.role_arn.rsplit("/", 1)[-1]
        arn = f"arn:aws:sts::{account.account_id}:assumed-role/{role_name}/{principal.session_name}"
        return f"AROA:{principal.session_name}", arn, account.account_id

    original = replace(
        STSBackend, "get_caller_identity", get_caller_identity, parameters=("self", "access_key_id", "region")
    )
