"""What conditions may know of a caller, and which policies bind one."""

import json
import logging
from typing import Any

from embedded_account.account import Account
from embedded_account.iam.context import Context, Value
from embedded_account.iam.documents import Policy
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.tags import ResourceTags
from embedded_account.identity import Principal

logger = logging.getLogger("embedded_account.iam")

# Source: Step Functions, SageMaker and EventBridge Scheduler guides, each on confused deputies.
_SOURCES = {"states": "stateMachine:*", "scheduler": "schedule-group/default", "lambda": "function:*"}


class Callers:
    """Looks roles and users up in the account's IAM."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._roles: dict[str, Any] = {}

    def role(self, role_arn: str) -> Any:
        """Return IAM's record of a role; None when there is none, or no longer."""
        from moto.iam.models import iam_backends

        known = iam_backends[self._account.account_id]["aws"].roles
        role = self._roles.get(role_arn)
        if role is None or known.get(role.id) is not role:
            role = next((one for one in list(known.values()) if one.arn == role_arn), None)
            self._roles[role_arn] = role
        return role

    def roles(self) -> list[Any]:
        """Return IAM's records of all roles, oldest first."""
        from moto.iam.models import iam_backends

        return list(iam_backends[self._account.account_id]["aws"].roles.values())

    def documents(self, entity: Any) -> dict[str, dict[str, Any]]:
        """Return the policy documents of a role, user or group by their names."""
        texts = dict(entity.policies) | {one.name: _document(one) for one in list(entity.managed_policies.values())}
        return {name: json.loads(text) if isinstance(text, str) else text for name, text in texts.items()}

    def identity_policies(self, principal: Principal) -> tuple[Policy, ...]:
        """Return the policies attached to the caller, those of a user's groups included."""
        if principal.role_arn:
            role = self.role(principal.role_arn)
            return () if role is None else self._policies_of(role)
        if principal.user_arn:
            user = self._user(principal)
            return () if user is None else (*self._policies_of(user), *self._group_policies(user))
        return ()

    def boundary(self, principal: Principal) -> Policy | None:
        """Return the permissions boundary of the caller's role or user, if it has one."""
        entity = self.role(principal.role_arn) if principal.role_arn else self._user(principal)
        arn = getattr(entity, "permissions_boundary_arn", None)
        if not arn:
            return None
        from moto.iam.models import iam_backends

        managed = iam_backends[self._account.account_id]["aws"].managed_policies.get(arn)
        return _parsed(_document(managed), arn) if managed else Policy(())

    def context(self, principal: Principal) -> dict[str, Value]:
        """Return the condition keys, in lower case, that speak of the caller."""
        if principal.is_anonymous:
            return {"aws:principaltype": "Anonymous", "aws:userid": "anonymous", "aws:principalisawsservice": "false"}
        account_id = principal.account_id
        if principal.service and not principal.role_arn:
            return {
                "aws:principalisawsservice": "true",
                "aws:principalservicename": principal.service,
                "aws:sourcearn": principal.source_arn or self._source_arn(principal.service),
                "aws:sourceaccount": account_id,
                "aws:sourceowner": account_id,
            }
        keys: dict[str, Value] = {
            "aws:principalaccount": account_id,
            "aws:principalarn": principal.role_arn or principal.arn,
            "aws:principalisawsservice": "false",
            "aws:principaltype": "AssumedRole" if principal.role_arn else "User" if principal.user_arn else "Account",
        }
        if principal.role_arn:
            role = self.role(principal.role_arn)
            keys["aws:multifactorauthpresent"] = "false"
            keys["aws:userid"] = f"{role.id if role else 'AROA'}:{principal.session_name}"
            keys |= {f"aws:principaltag/{key.lower()}": value for key, value in _tags(role).items()}
        elif principal.user_arn:
            keys["aws:username"] = principal.session_name
        return keys

    def _source_arn(self, service: str) -> str:
        """Return what a service states as its source where it is not known which of its resources it acts for."""
        prefix = service.partition(".")[0]
        return f"arn:aws:{prefix}:{self._account.region}:{self._account.account_id}:{_SOURCES.get(prefix, '*')}"

    def _user(self, principal: Principal) -> Any:
        from moto.iam.models import iam_backends

        return iam_backends[self._account.account_id]["aws"].users.get(principal.session_name)

    def _group_policies(self, user: Any) -> tuple[Policy, ...]:
        from moto.iam.models import iam_backends

        groups = iam_backends[self._account.account_id]["aws"].groups.values()
        return tuple(one for group in list(groups) if user in group.users for one in self._policies_of(group))

    def _policies_of(self, entity: Any) -> tuple[Policy, ...]:
        texts = list(entity.policies.values())
        texts += [_document(managed) for managed in list(entity.managed_policies.values())]
        return tuple(_parsed(text, entity.arn) for text in texts)


def _document(managed: Any) -> str:
    """Return the default version of a managed policy."""
    version = next(one for one in managed.versions if one.version_id == managed.default_version_id)
    return str(version.document)


def _parsed(text: str, owner: str) -> Policy:
    """Return the policy; one that cannot be read grants nothing, and says so in the account's log."""
    try:
        return Policy.parse(text)
    except MalformedPolicyError:
        logger.exception("a policy of %s is passed over", owner)
        return Policy(())


def _tags(role: Any) -> dict[str, str]:
    tags = getattr(role, "tags", None) or {}
    return {key: tag["Value"] if isinstance(tag, dict) else str(tag) for key, tag in dict(tags).items()}


def request_context(account: Account, arn: str, *extra: dict[str, Value]) -> Context:
    """Return what every request for `arn` has, and `extra`: it comes from this machine, which counts as secure."""
    merged: dict[str, Value] = {
        "aws:sourceip": "127.0.0.1",
        "aws:securetransport": "true",
        "aws:requestedregion": account.region,
        "aws:resourceaccount": account.account_id,
        "aws:viaawsservice": "false",
    }
    for keys in extra:
        merged |= {key.lower(): value for key, value in keys.items()}

    def now(key: str) -> Value | None:
        if key == "aws:currenttime":
            return account.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return str(int(account.clock.time())) if key == "aws:epochtime" else None

    return Context(merged, now, ResourceTags(account, arn), lowered=True)
