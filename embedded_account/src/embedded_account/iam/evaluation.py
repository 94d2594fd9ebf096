"""Whether a request is allowed by the policies that apply to it.

Source: IAM user guide, "Policy evaluation logic", for requests within one account; KMS developer guide, "Key policies".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from embedded_account.iam.context import Context
from embedded_account.iam.documents import Policy, Principals, Statement
from embedded_account.identity import Principal


@dataclass(frozen=True)
class Request:
    """One action on one resource by a principal."""

    principal: Principal
    action: str
    resource: str
    context: Context


@dataclass(frozen=True)
class Policies:
    """What applies to a request. `resource` is the policy of the resource itself; None where it has none."""

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: Policy | None = None
    resource: Policy | None = None


@dataclass(frozen=True)
class Decision:
    """`reason` is the end of AWS's sentence for a refusal; `statement` is what decided, where one did."""

    is_allowed: bool
    reason: str = ""
    statement: Statement | None = field(default=None, compare=False)


def evaluate(request: Request, policies: Policies, *, resource_policy_decides: bool = False) -> Decision:
    """Return whether `request` is allowed: no policy denies it, and an identity's or the resource's policy allows it.

    With `resource_policy_decides`, as for a role's trust policy, the identity's policies count only where the
    resource's policy names the whole account; so it is with every key's policy. Root is bound by nothing but the
    resource's denials, and by the policies of keys.
    """
    if policies.resource is not None and request.action.startswith("kms:"):
        resource_policy_decides = True
    denial = _explicit_denial(request, policies)
    if denial:
        return denial
    grant = _resource_grant(request, policies.resource)
    asks_identity = not resource_policy_decides or grant.how == "account"
    if request.principal.is_root and asks_identity:
        return Decision(True)
    granted = grant.statement if grant.how in ("session", "identity") else None
    identity = _allowing(request, policies.identity) if asks_identity else None
    if identity is None and granted is None:
        kind = "identity-based" if asks_identity and not request.principal.service else "resource-based"
        return Decision(False, f"because no {kind} policy allows the {request.action} action")
    for name, limit in (("permissions boundary", policies.boundary), ("session policy", policies.session)):
        if limit is not None and grant.how != "session" and _allowing(request, (limit,)) is None:
            return Decision(False, f"because no {name} allows the {request.action} action")
    return Decision(True, statement=identity or granted)


def names_principal(principals: Principals | None, principal: Principal) -> str:
    """Return how `principals` name the caller: "session" or "identity" for itself, "account", or "" for not at all."""
    if principals is None:
        return "identity"
    ways = {_names(kind, value, principal) for kind, value in principals.names} - {""}
    if principals.is_negated:
        return "" if ways else "identity"
    return next((how for how in ("session", "identity", "account") if how in ways), "")


def _names(kind: str, value: str, principal: Principal) -> str:
    if kind == "Service":
        return "identity" if value == principal.service else ""
    if kind != "AWS" or (principal.service and value != "*"):
        return ""
    if value == principal.arn and principal.role_arn:
        return "session"
    if value in {"*", principal.role_arn, principal.user_arn} - {""}:
        return "identity"
    return "account" if value in (principal.account_id, f"arn:aws:iam::{principal.account_id}:root") else ""


def _explicit_denial(request: Request, policies: Policies) -> Decision | None:
    kinds: list[tuple[str, Iterable[Policy]]] = [("a resource-based policy", _some(policies.resource))]
    if not request.principal.is_root:
        kinds += [
            ("an identity-based policy", policies.identity),
            ("a permissions boundary", _some(policies.boundary)),
            ("a session policy", _some(policies.session)),
        ]
    for name, documents in kinds:
        statement = next(_speaking(request, documents, "Deny"), None)
        if statement:
            return Decision(False, f"with an explicit deny in {name}", statement)
    return None


@dataclass(frozen=True)
class _Grant:
    """What a resource's policy allows the caller, and how it names it; "account" leaves it to the caller's policies."""

    how: str = ""
    statement: Statement | None = None


def _resource_grant(request: Request, policy: Policy | None) -> _Grant:
    grant = _Grant()
    for statement in _speaking(request, _some(policy), "Allow"):
        how = names_principal(statement.principals, request.principal)
        if how == "session" or (how == "identity" and request.principal.user_arn):
            return _Grant("session", statement)  # no boundary and no session policy limits it
        if grant.how != "identity":
            grant = _Grant(how, statement)
    return grant


def _allowing(request: Request, policies: Iterable[Policy]) -> Statement | None:
    return next(_speaking(request, policies, "Allow"), None)


def _speaking(request: Request, policies: Iterable[Policy], effect: str) -> Iterator[Statement]:
    return (
        statement
        for policy in policies
        for statement in policy.statements
        if statement.effect == effect
        and statement.speaks_of(request.action, request.resource, request.context)
        and names_principal(statement.principals, request.principal)
    )


def _some(policy: Policy | None) -> tuple[Policy, ...]:
    return () if policy is None else (policy,)
