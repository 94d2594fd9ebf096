"""The operations that the embedded account really carries out; any other is refused by name.

moto answers thousands of operations with a record and no effect. A pretended success is worse than a refusal, so only
what is listed here passes. A service folder adds what it completes with `carry_out`.
"""

from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError

# Services whose state is all there is to them: moto's answer is the real effect.
_WHOLE_SERVICES = frozenset({"s3", "dynamodb", "sqs", "sns", "logs", "iam", "sts", "ssm", "resourcegroupstaggingapi"})
_carried_out: dict[str, set[str]] = {}


def carry_out(service: str, operations: set[str]) -> None:
    """Let `operations` of `service` (boto3's name) pass."""
    _carried_out.setdefault(service, set()).update(operations)


def operations() -> dict[str, list[str]]:
    """Return the operations carried out, by service; an empty list stands for all that moto knows."""
    listed = {service: sorted(names) for service, names in _carried_out.items()}
    return dict(sorted(({service: [] for service in _WHOLE_SERVICES} | listed).items()))


def install(account: Account) -> None:
    """Refuse by name what is not carried out."""
    account.add_action_check(_check)


def _check(service: str, operation: str, _response: Any) -> None:
    if service not in _WHOLE_SERVICES and operation not in _carried_out.get(service, ()):
        raise ServiceError(
            "NotImplemented",
            f"{service}:{operation}: the embedded account does not carry out this operation; see docs/local.md",
        )
