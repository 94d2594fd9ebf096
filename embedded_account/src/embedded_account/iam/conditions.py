"""The condition operators of policies.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators for multi-valued context
keys".
"""

import base64
import ipaddress
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from embedded_account.iam.context import Context
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.patterns import expand, matches, matches_arn

_Match = Callable[[str, str, Context], bool]  # (policy's value, request's value, context)
_IF_EXISTS = "ifexists"


@dataclass(frozen=True)
class Condition:
    """One key of a condition block: `values` of which one must hold, under `match`."""

    key: str
    values: tuple[str, ...]
    match: _Match | None  # None is the operator Null
    is_negated: bool = False
    if_exists: bool = False
    quantifier: str = ""  # "", "forallvalues" or "foranyvalue"

    def holds(self, context: Context) -> bool:
        """Return whether the request fulfils the condition."""
        actual = context.values(self.key)
        if self.match is None:
            return any((actual is None) == (value.lower() == "true") for value in self.values)
        if actual is None:
            return self.if_exists or self.quantifier == "forallvalues" or (not self.quantifier and self.is_negated)
        if self.quantifier == "forallvalues":
            return all(self._passes(value, context) for value in actual)
        if self.quantifier == "foranyvalue" or not self.is_negated:
            return any(self._passes(value, context) for value in actual)
        return all(self._passes(value, context) for value in actual)

    def _passes(self, value: str, context: Context) -> bool:
        match = self.match or _string_equals
        return any(match(wanted, value, context) for wanted in self.values) != self.is_negated


def parse_condition(name: str, key: str, values: Sequence[str]) -> Condition:
    """Return the condition of the operator `name`, such as ForAnyValue:StringLikeIfExists.

    Raises:
        MalformedPolicyError: there is no such operator.
    """
    quantifier, _, rest = name.lower().rpartition(":")
    if_exists = rest.endswith(_IF_EXISTS) and rest != "null"
    base = rest.removesuffix(_IF_EXISTS) if if_exists else rest
    if quantifier not in ("", "forallvalues", "foranyvalue") or (base not in _OPERATORS and base != "null"):
        raise MalformedPolicyError(f"condition operator: {name!r}; IAM knows none of that name")
    if base == "null":
        return Condition(key, tuple(values), None)
    match, is_negated = _OPERATORS[base]
    return Condition(key, tuple(values), match, is_negated, if_exists, quantifier)


def _string_equals(wanted: str, value: str, context: Context) -> bool:
    return (expand(wanted, context) if "${" in wanted else wanted) == value


def _string_equals_ignoring_case(wanted: str, value: str, context: Context) -> bool:
    expanded = expand(wanted, context)
    return expanded is not None and expanded.lower() == value.lower()


def _string_like(wanted: str, value: str, context: Context) -> bool:
    return matches(wanted, value, context)


def _arn_like(wanted: str, value: str, context: Context) -> bool:
    return matches_arn(wanted, value, context)


def _bool(wanted: str, value: str, _context: Context) -> bool:
    return wanted.lower() == value.lower()


def _binary(wanted: str, value: str, _context: Context) -> bool:
    try:
        return base64.b64decode(wanted, validate=True) == base64.b64decode(value, validate=True)
    except ValueError:
        return False


def _ip_address(wanted: str, value: str, _context: Context) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _numeric(compare: Callable[[float, float], bool]) -> _Match:
    def match(wanted: str, value: str, _context: Context) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return match


def _date(compare: Callable[[float, float], bool]) -> _Match:
    def match(wanted: str, value: str, _context: Context) -> bool:
        try:
            return compare(_seconds(value), _seconds(wanted))
        except ValueError:
            return False

    return match


def _seconds(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 date or of a number of seconds."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], bool]] = {
    "equals": (operator.eq, False),
    "notequals": (operator.eq, True),
    "lessthan": (operator.lt, False),
    "lessthanequals": (operator.le, False),
    "greaterthan": (operator.gt, False),
    "greaterthanequals": (operator.ge, False),
}
_OPERATORS: dict[str, tuple[_Match, bool]] = {
    "stringequals": (_string_equals, False),
    "stringnotequals": (_string_equals, True),
    "stringequalsignorecase": (_string_equals_ignoring_case, False),
    "stringnotequalsignorecase": (_string_equals_ignoring_case, True),
    "stringlike": (_string_like, False),
    "stringnotlike": (_string_like, True),
    "arnequals": (_arn_like, False),
    "arnlike": (_arn_like, False),
    "arnnotequals": (_arn_like, True),
    "arnnotlike": (_arn_like, True),
    "bool": (_bool, False),
    "binaryequals": (_binary, False),
    "ipaddress": (_ip_address, False),
    "notipaddress": (_ip_address, True),
    **{f"numeric{name}": (_numeric(compare), negated) for name, (compare, negated) in _COMPARISONS.items()},
    **{f"date{name}": (_date(compare), negated) for name, (compare, negated) in _COMPARISONS.items()},
}
