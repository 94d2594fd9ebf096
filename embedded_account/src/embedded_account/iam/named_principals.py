"""Whether those whom a resource's policy names can be there.

Roles and users of this account are looked up. Of other accounts nothing is known here, and of services AWS publishes no
list: there the form alone counts.
Source: IAM user guide, "AWS JSON policy elements: Principal".
"""

import re

from embedded_account.account import Account
from embedded_account.iam.documents import Policy
from embedded_account.identity import ACCOUNT_ID

_AWS = re.compile(
    r"\*|\d{12}|A[A-Z0-9]{15,}"  # anybody, an account, and the id that AWS shows of a principal that is gone
    r"|arn:aws[\w-]*:iam::(?:\d{12}:root|(?:\d{12}|cloudfront):(?:role|user)/[^*?]+)"
    r"|arn:aws[\w-]*:sts::\d{12}:(?:assumed-role|federated-user)/[^*?]+"
)
_SERVICE = re.compile(r"\*|[\w.-]+\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal|aws\.dev)")
_OTHERS = ("Federated", "CanonicalUser")


def named_principals(policy: Policy) -> list[tuple[str, str]]:
    """Return whom `policy` names, each by kind and value."""
    return [one for statement in policy.statements if statement.principals for one in statement.principals.names]


def unknown_principals(account: Account, policy: Policy) -> list[tuple[str, str]]:
    """Return whom `policy` names and who cannot be there."""
    return [(kind, value) for kind, value in named_principals(policy) if not _is_known(account, kind, value)]


def is_there(account: Account, arn: str) -> bool:
    """Return whether `arn` is anything but a role or a user of this account that does not exist."""
    from moto.iam.models import iam_backends

    kind, _, name = arn.partition(f":iam::{ACCOUNT_ID}:")[2].partition("/")
    iam = iam_backends[account.account_id]["aws"]
    known = {
        "role": {one.arn for one in list(iam.roles.values())},
        "user": {one.arn for one in list(iam.users.values())},
    }
    return not name or kind not in known or arn in known[kind]


def _is_known(account: Account, kind: str, value: str) -> bool:
    if kind == "AWS":
        return _AWS.fullmatch(value) is not None and is_there(account, value)
    if kind == "Service":
        return _SERVICE.fullmatch(value) is not None
    return kind in _OTHERS
