"""Policy documents: JSON in, statements out that can be asked whether they speak of a request."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from embedded_account.iam.conditions import Condition, parse_condition
from embedded_account.iam.context import Context
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.patterns import matches

_MEMBERS = frozenset(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Principals:
    """Whom a statement of a resource's policy names."""

    names: tuple[tuple[str, str], ...]  # (kind, value), such as ("AWS", "*") or ("Service", "lambda.amazonaws.com")
    is_negated: bool


@dataclass(frozen=True)
class Statement:
    """One statement, its patterns in lower case where IAM ignores the case."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    excludes_actions: bool
    resources: tuple[str, ...]
    excludes_resources: bool
    principals: Principals | None
    conditions: tuple[Condition, ...]
    has_variables: bool

    def speaks_of(self, action: str, resource: str, context: Context) -> bool:
        """Return whether action, resource and conditions fit; the principal is the caller's to judge."""
        lowered = action.lower()
        if any(matches(pattern, lowered) for pattern in self.actions) == self.excludes_actions:
            return False
        variables = context if self.has_variables else None
        if any(matches(one, resource, variables) for one in self.resources) == self.excludes_resources:
            return False
        return all(condition.holds(context) for condition in self.conditions)


@dataclass(frozen=True)
class Policy:
    """The statements of one document."""

    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, document: str | Mapping[str, Any]) -> "Policy":
        """Return the policy that `document`, a text or its parsed form, describes; texts are parsed once.

        Raises:
            MalformedPolicyError: it is none.
        """
        return _parse_text(document if isinstance(document, str) else json.dumps(document))


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> Policy:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MalformedPolicyError(f"policy: {text[:80]!r}; it is not JSON: {error}") from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise MalformedPolicyError(f"policy: {text[:80]!r}; it has no Statement")
    has_variables = document.get("Version") == "2012-10-17"
    return Policy(tuple(_statement(one, has_variables) for one in _listed(document["Statement"])))


def _statement(source: Any, has_variables: bool) -> Statement:
    if not isinstance(source, dict) or source.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError(f"statement: {source!r}; its Effect must be Allow or Deny")
    unknown = set(source) - _MEMBERS
    if unknown:
        raise MalformedPolicyError(f"statement: {sorted(unknown)!r}; IAM knows no such element")
    if ("Action" in source) == ("NotAction" in source):
        raise MalformedPolicyError(f"statement: {source!r}; it needs Action or NotAction")
    actions = tuple(str(one).lower() for one in _listed(source.get("Action", source.get("NotAction"))))
    # A trust policy names no resource: it is its role's own.
    resources = tuple(str(one) for one in _listed(source.get("Resource", source.get("NotResource", "*"))))
    return Statement(
        sid=str(source.get("Sid", "")),
        effect=source["Effect"],
        actions=actions,
        excludes_actions="NotAction" in source,
        resources=resources,
        excludes_resources="NotResource" in source,
        principals=_principals(source),
        conditions=tuple(_conditions(source.get("Condition") or {})),
        has_variables=has_variables and any("${" in one for one in resources),
    )


def _principals(source: Mapping[str, Any]) -> Principals | None:
    named = source.get("Principal", source.get("NotPrincipal"))
    if named is None:
        return None
    if named == "*":
        named = {"AWS": "*"}
    if not isinstance(named, dict):
        raise MalformedPolicyError(f"principal: {named!r}; it must be '*' or name AWS, Service or Federated")
    names = tuple((kind, str(value)) for kind, values in named.items() for value in _listed(values))
    return Principals(names, "NotPrincipal" in source)


def _conditions(block: Mapping[str, Any]) -> Iterable[Condition]:
    for name, keys in block.items():
        if not isinstance(keys, dict):
            raise MalformedPolicyError(f"condition {name!r}: {keys!r}; it must map keys to values")
        for key, values in keys.items():
            yield parse_condition(name, key, [_text(value) for value in _listed(values)])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
