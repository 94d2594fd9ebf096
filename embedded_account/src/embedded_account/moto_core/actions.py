"""Lets the account check each operation before moto carries it out, and refuse it in the caller's protocol.

What moto has a name for and no more is refused by that name.
"""

from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

from embedded_account.account import Account
from embedded_account.wiring.refusals import not_carried_out
from embedded_account.wiring.replacement import replace


def install(account: Account) -> None:
    """Run `account.action_checks` before every operation of every service but S3, which moto routes by itself."""

    def call_action(self: Any) -> Any:
        service, operation = self.boto3_service_name, self._get_action()
        try:
            for check in account.action_checks:
                check(service, operation, self)
            return original(self)
        except ServiceException as refusal:
            return self.serialized(ActionResult(refusal))
        except NotImplementedError:  # moto's word for an operation that it only has a name for
            return self.serialized(ActionResult(not_carried_out(f"{service}:{operation}")))

    original = replace(BaseResponse, "call_action", call_action, parameters=("self",))
