"""Who may use a function: the statements of its policy, as AddPermission makes them.

Source: Lambda API reference, AddPermission; Lambda developer guide, "Working with resource-based IAM policies".
"""

import re
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.named_principals import is_there

_ACCOUNT = re.compile(r"[0-9]{12}")
_PRINCIPAL_ARN = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::[0-9]{12}:(?:root|(?:role|user|assumed-role)/\S+)")
_SERVICE = re.compile(r"[\w.-]+\.amazon(?:aws)?\.com")
# parameter -> (operator, condition key)
_CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


def statement(params: dict[str, Any], arn: str) -> dict[str, Any]:
    """Return the statement that an AddPermission request adds to the policy of the function or alias `arn`.

    Raises:
        ServiceError: its principal is none.
    """
    made: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": arn,
    }
    conditions: dict[str, dict[str, str]] = {}
    for name, (operator, key) in _CONDITIONS.items():
        if name in params:
            value = params[name]
            conditions.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    return made | ({"Condition": conditions} if conditions else {})


def _principal(text: str) -> str | dict[str, str]:
    if text == "*":
        return text
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _PRINCIPAL_ARN.fullmatch(text):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise _invalid()


def require_principal(account: Account, principal: str | dict[str, str]) -> None:
    """Return unless `principal` is a role or a user of this account that is not there.

    Raises:
        ServiceError: it is; AWS keeps the id of who is meant, and finds none.
    """
    arn = principal.get("AWS", "") if isinstance(principal, dict) else ""
    if not is_there(account, arn):
        raise _invalid()


def _invalid() -> ServiceError:
    return ServiceError(
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    )
