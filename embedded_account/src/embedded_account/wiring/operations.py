"""The operations that the embedded account really carries out; any other is refused by name.

moto answers thousands of operations with a record and no effect. A pretended success is worse than a refusal, so only
what a service announces here passes.
"""

from collections.abc import Iterable
from typing import Any

from embedded_account.account import Account
from embedded_account.wiring.refusals import not_carried_out

# Services whose state is all there is to them: moto's answer is the real effect.
_WHOLE_SERVICES = frozenset({"s3", "dynamodb", "sqs", "sns", "logs", "iam", "sts", "ssm", "resourcegroupstaggingapi"})


class Operations:
    """What one account carries out, by service (boto3's name)."""

    def __init__(self, account: Account) -> None:
        self._names: dict[str, set[str]] = {service: set() for service in _WHOLE_SERVICES}
        account.add_action_check(self._check)

    def carry_out(self, service: str, names: Iterable[str]) -> None:
        """Let the operations `names` of `service` pass."""
        self._names.setdefault(service, set()).update(names)

    def listed(self) -> dict[str, list[str]]:
        """Return the operations carried out, by service; an empty list stands for all that moto knows."""
        return {service: sorted(self._names[service]) for service in sorted(self._names)}

    def _check(self, service: str, operation: str, _response: Any) -> None:
        if service not in _WHOLE_SERVICES and operation not in self._names.get(service, ()):
            raise not_carried_out(f"{service}:{operation}")
