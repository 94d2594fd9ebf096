"""STS knows the account's own sessions: GetCallerIdentity tells whose a key is, AssumeRole begins one."""

from datetime import UTC, datetime
from typing import Any

from embedded_account.account import Account
from embedded_account.wiring.replacement import replace


def install(account: Account) -> None:
    """Answer from the account's sessions instead of moto's."""
    _replace_caller_identity(account)
    _replace_assume_role(account)


def _replace_caller_identity(account: Account) -> None:
    from moto.sts.models import STSBackend

    def get_caller_identity(self: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
        principal = account.sessions.principal(access_key_id)
        if principal is None:
            identity: tuple[str, str, str] = original(self, access_key_id, region)
            return identity
        if not principal.role_arn:
            return account.account_id, principal.arn, account.account_id
        return f"AROA:{principal.session_name}", principal.arn, account.account_id

    original = replace(
        STSBackend, "get_caller_identity", get_caller_identity, parameters=("self", "access_key_id", "region")
    )


def _replace_assume_role(account: Account) -> None:
    from moto.sts.models import STSBackend

    def assume_role(
        self: Any,
        region_name: str,
        role_session_name: str,
        role_arn: str,
        policy: str,
        duration: int,
        external_id: str,
    ) -> Any:
        role = original(self, region_name, role_session_name, role_arn, policy, duration, external_id)
        credentials = account.sessions.assume(role_arn, role_session_name, duration, session_policy=policy or "")
        role.access_key_id = credentials.access_key_id
        role.secret_access_key = credentials.secret_access_key
        role.session_token = credentials.session_token
        role.expiration = datetime.fromtimestamp(credentials.expires_at or 0, UTC).replace(tzinfo=None)
        return role

    parameters = ("self", "region_name", "role_session_name", "role_arn", "policy", "duration", "external_id")
    original = replace(STSBackend, "assume_role", assume_role, parameters=parameters)
