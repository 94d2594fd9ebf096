"""The account's control path for credentials of a role: POST on /_embedded-account/roles gives a notebook's."""

from http import HTTPStatus
from typing import Any

from moto.core.exceptions import ServiceException

from embedded_account.account import Account
from embedded_account.control import ROLES_PATH
from embedded_account.control_paths import Answer, ControlRequest, serve_path

_SESSION_NAME = "SageMaker"  # as sessions of notebooks have it
_SERVICE = "sagemaker.amazonaws.com"


def install(account: Account) -> None:
    """Give credentials of a role, as SageMaker assumes it, to whoever knows the account's secret key."""

    def answer(request: ControlRequest) -> Answer:
        try:
            credentials = account.role_credentials(_arn(account, request.body), _SESSION_NAME, by=_SERVICE)
        except ServiceException as error:
            raise ValueError(error.message) from error
        return HTTPStatus.OK, credentials.environment()

    serve_path(account, ROLES_PATH, answer)


def _arn(account: Account, asked: Any) -> str:
    from moto.iam.models import iam_backends

    name = str((asked or {}).get("RoleName", "")).rpartition("/")[2]
    roles = list(iam_backends[account.account_id]["aws"].roles.values())
    arns = [role.arn for role in roles if role.name == name]
    if not arns:
        known = ", ".join(sorted(role.name for role in roles)) or "none"
        raise ValueError(f"role {name!r}: there is none of this name; roles are: {known}")
    return str(arns[0])
