"""What EventBridge refuses as an event pattern, in its own words.

Source: EventBridge user guide, "Comparison operators for use in event patterns"; the reasons are AWS's own.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from embedded_account.errors import ServiceError

_LIMIT = 5e9
_ANYTHING_BUT = "Value of anything-but must be an array or single string/number value."
_WORD = re.compile(r"\w+")


class PatternError(ValueError):
    """A pattern is none; its text is AWS's reason."""


def parsed(text: str) -> dict[str, Any]:
    """Return the pattern that `text` is.

    Raises:
        ServiceError: it is none: InvalidEventPatternException, with AWS's reason.
    """
    try:
        pattern = _loaded(text)
        _check_object(pattern)
    except PatternError as error:
        raise ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}") from error
    return pattern


def _loaded(text: str) -> dict[str, Any]:
    try:
        pattern = json.loads(text)
    except json.JSONDecodeError as error:
        raise PatternError(_reason(text, error)) from error
    if not isinstance(pattern, dict):
        raise PatternError("Filter is not an object")
    return pattern


def _reason(text: str, error: json.JSONDecodeError) -> str:
    """Return how AWS's parser tells what ours did not like."""
    if error.msg.startswith("Expecting property name") and error.pos < len(text):
        character = f"('{text[error.pos]}' (code {ord(text[error.pos])}))"
        return f"Unexpected character {character}: was expecting double-quote to start field name"
    if word := _WORD.match(text, error.pos):
        expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        return f"Unrecognized token '{word[0]}': was expecting {expected}"
    return error.msg


def _check_object(node: Mapping[str, Any]) -> None:
    if not node:
        raise PatternError("Empty objects are not allowed")
    for name, value in node.items():
        if name == "$or" and isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            for one in value:
                _check_object(one)
        elif isinstance(value, dict):
            _check_object(value)
        elif isinstance(value, list):
            _check_filters(value)
        else:
            raise PatternError(f'"{name}" must be an object or an array')


def _check_filters(filters: Sequence[Any]) -> None:
    if not filters:
        raise PatternError("Empty arrays are not allowed")
    for each in filters:
        if isinstance(each, list):
            raise PatternError("Match value must be String, number, true, false, or null")
        if isinstance(each, dict):
            _check_match(each)


def _check_match(match: Mapping[str, Any]) -> None:
    if len(match) != 1:
        raise PatternError("Only one key allowed in match expression")
    ((kind, value),) = match.items()
    if kind not in _CHECKS:
        raise PatternError(f"Unrecognized match type {kind}")
    _CHECKS[kind](value)


def _check_exists(value: Any) -> None:
    if not isinstance(value, bool):
        raise PatternError("exists match pattern must be either true or false.")


def _check_end(kind: str) -> Callable[[Any], None]:
    """Return the check of a prefix or a suffix, whose case may be ignored."""

    def check(value: Any) -> None:
        if isinstance(value, dict) and list(value) == ["equals-ignore-case"]:
            value = value["equals-ignore-case"]
        if not isinstance(value, str):
            raise PatternError(f"{kind} match pattern must be a string")

    return check


def _check_ignoring_case(value: Any) -> None:
    if not isinstance(value, str):
        raise PatternError("equals-ignore-case match pattern must be a string")


def _check_wildcard(value: Any) -> None:
    if not isinstance(value, str):
        raise PatternError("wildcard match pattern must be a string")
    place = 0
    while place < len(value):
        if value[place] == "\\":
            if value[place + 1 : place + 2] not in ("*", "\\"):
                raise PatternError(f"Invalid escape character at pos {place}")
            place += 1
        elif value[place : place + 2] == "**":
            raise PatternError(f"Consecutive wildcard characters at pos {place + 1}")
        place += 1


def _check_numeric(value: Any) -> None:
    """Check one comparison, or a lower bound with an upper one."""
    if not isinstance(value, list):
        raise PatternError("Value of numeric must be an array.")
    if not value or not isinstance(value[0], str):
        raise PatternError(f"Invalid member in numeric match: {value[0] if value else ']'}")
    if value[0] not in ("=", "<", "<=", ">", ">="):
        raise PatternError(f"Unrecognized numeric range operator: {value[0]}")
    bottom = _bound(value, 0)
    if len(value) == 2:
        return
    if value[0] not in (">", ">="):
        raise PatternError("Too many terms in numeric range expression")
    if value[2] not in ("<", "<="):
        raise PatternError(f"Bad numeric range operator: {value[2]}")
    top = _bound(value, 2)
    if len(value) > 4:
        raise PatternError("Too many terms in numeric range expression")
    if bottom >= top:
        raise PatternError("Bottom must be less than top")


def _bound(comparisons: Sequence[Any], place: int) -> float:
    value = comparisons[place + 1] if place + 1 < len(comparisons) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PatternError(f"Value of {comparisons[place]} must be numeric")
    if abs(value) > _LIMIT:
        raise PatternError("Value must be between -5.0E9 and 5.0E9, inclusive")
    return value


def _check_anything_but(value: Any) -> None:
    if isinstance(value, list):
        _check_excluded(value)
    elif isinstance(value, dict):
        _check_excluded_match(value)
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PatternError(_ANYTHING_BUT)


def _check_excluded(values: Sequence[Any]) -> None:
    if not values:
        raise PatternError("Empty arrays are not allowed")
    if any(isinstance(each, bool) or not isinstance(each, str | int | float) for each in values):
        raise PatternError("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(each, str) for each in values}) > 1:
        raise PatternError(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )


def _check_excluded_match(match: Mapping[str, Any]) -> None:
    """Check what anything-but excludes by a prefix, a suffix, a wildcard or without case: one text or several."""
    if len(match) != 1:
        raise PatternError("Only one key allowed in match expression")
    ((kind, value),) = match.items()
    if kind not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        raise PatternError(f"Unsupported anything-but pattern: {kind}")
    if isinstance(value, dict):
        raise PatternError(_ANYTHING_BUT)
    for each in value if isinstance(value, list) else [value]:
        if kind == "wildcard":
            _check_wildcard(each)
        elif not isinstance(each, str):
            raise PatternError(
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
                if kind == "equals-ignore-case"
                else "prefix/suffix match pattern must be a string"
            )
        elif not each and kind != "equals-ignore-case":
            raise PatternError("Null prefix/suffix not allowed")


def _check_cidr(value: Any) -> None:
    if not isinstance(value, str):
        raise PatternError("prefix match pattern must be a string")
    address, _, bits = value.partition("/")
    if value.count("/") != 1:
        raise PatternError("Malformed CIDR, one '/' required")
    if not bits.isascii() or not bits.isdigit():
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    try:
        most = ip_address(address).max_prefixlen
    except ValueError as error:
        raise PatternError(f"Nonstandard IP address: {address}") from error
    if int(bits) > most:
        raise PatternError(f"Malformed CIDR, mask bits must not exceed {most}")


_CHECKS: dict[str, Callable[[Any], None]] = {
    "exists": _check_exists,
    "prefix": _check_end("prefix"),
    "suffix": _check_end("suffix"),
    "equals-ignore-case": _check_ignoring_case,
    "wildcard": _check_wildcard,
    "numeric": _check_numeric,
    "anything-but": _check_anything_but,
    "cidr": _check_cidr,
}
