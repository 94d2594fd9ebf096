"""Which events an event pattern matches, as AWS's own matcher decides.

Source: EventBridge user guide, "Comparison operators for use in event patterns" and "Creating event patterns".
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import product
from operator import eq, ge, gt, le, lt
from typing import Any

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, "=": eq, ">=": ge, ">": gt}
_ESCAPED = re.compile(r"\\([*\\])|(\*)|([^*\\]+|\\)")
_ABSENT: Any = object()


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether `event` matches `pattern`, which is valid.

    Fields are found by their whole path, whether keys have dots or are nested. Of an array of objects one and the
    same object has to have all that the pattern asks of it.
    """
    decided = walk(pattern, event)
    return choose(pattern, event) if decided is None else decided


def choose(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether one choice among the objects in the event's arrays has all that the pattern asks."""
    paths = tuple(_paths(pattern, ""))
    return any(_fits(pattern, fields, "") for fields in _alternatives(event, "", paths))


def walk(pattern: Mapping[str, Any], node: Mapping[str, Any]) -> bool | None:
    """Return what a walk along both decides, None where it cannot: dots in names, `$or`, arrays of objects.

    A storage service's events, of which there is one for each object, are decided by it in a fifth of the time. Both
    are what JSON is read as: asking for a dict takes a tenth of what asking for a Mapping does.
    """
    if "." in "".join(node):
        return None
    answer: bool | None = True
    for name, wanted in pattern.items():
        one = None if "." in name or name == "$or" else _decided_for(wanted, node.get(name, _ABSENT))
        if one is False:
            return False
        answer = answer if one else None
    return answer


def _decided_for(wanted: Any, value: Any) -> bool | None:
    if isinstance(wanted, dict):
        return walk(wanted, value) if isinstance(value, dict) else None
    if isinstance(value, dict) or value is _ABSENT:
        return None
    if not isinstance(value, list):
        return any(_is(each, value) for each in wanted)
    if not value or any(isinstance(each, dict) for each in value):
        return None
    return any(_passes(each, value) for each in wanted)


def _paths(pattern: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in pattern.items():
        if name == "$or" and _is_or(value):
            for one in value:
                yield from _paths(one, prefix)
        elif isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _is_or(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _alternatives(node: Any, path: str, wanted: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """Yield the fields of an event, by their paths: once for each choice among the objects in its arrays."""
    if path and not any(each == path or each.startswith(f"{path}.") for each in wanted):
        yield {}
    elif isinstance(node, Mapping):
        inner = [
            tuple(_alternatives(value, f"{path}.{name}" if path else name, wanted)) for name, value in node.items()
        ]
        for choice in product(*inner):
            yield {name: values for fields in choice for name, values in fields.items()}
    elif isinstance(node, list):
        objects = [each for each in node if isinstance(each, Mapping)]
        values = [each for each in node if not isinstance(each, Mapping)]
        own = {path: values} if values else {}
        if not objects:
            yield own
        for each in objects:
            for fields in _alternatives(each, path, wanted):
                yield own | fields
    else:
        yield {path: [node]}


def _fits(pattern: Mapping[str, Any], fields: Mapping[str, list[Any]], prefix: str) -> bool:
    for name, value in pattern.items():
        if name == "$or" and _is_or(value):
            fits = any(_fits(one, fields, prefix) for one in value)
        elif isinstance(value, Mapping):
            fits = _fits(value, fields, f"{prefix}{name}.")
        else:
            values = fields.get(f"{prefix}{name}")
            fits = any(_passes(each, values) for each in value)
        if not fits:
            return False
    return True


def _passes(wanted: Any, values: Sequence[Any] | None) -> bool:
    """Return whether one of a field's values is as one entry of the pattern asks; None: there is no such field."""
    if isinstance(wanted, dict) and "exists" in wanted:
        return bool(wanted["exists"]) == (values is not None)
    return any(_is(wanted, value) for value in values or ())


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        ((kind, operand),) = wanted.items()
        return _MATCHES[kind](operand, value)
    return _equal(wanted, value)


def _equal(wanted: Any, value: Any) -> bool:
    """Return whether two values are the same in JSON, where true is not 1."""
    return isinstance(wanted, bool) == isinstance(value, bool) and bool(wanted == value)


def _begins(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return isinstance(value, str) and value.lower().startswith(operand["equals-ignore-case"].lower())
    return isinstance(value, str) and value.startswith(operand)


def _ends(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return isinstance(value, str) and value.lower().endswith(operand["equals-ignore-case"].lower())
    return isinstance(value, str) and value.endswith(operand)


def _ignoring_case(operand: str, value: Any) -> bool:
    return isinstance(value, str) and value.lower() == operand.lower()


def _wildcard(operand: str, value: Any) -> bool:
    return isinstance(value, str) and _expression(operand).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _expression(operand: str) -> re.Pattern[str]:
    parts = (".*" if star else re.escape(escaped or text) for escaped, star, text in _ESCAPED.findall(operand))
    return re.compile("".join(parts), re.DOTALL)


def _numeric(operand: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARISONS[sign](value, bound) for sign, bound in zip(operand[::2], operand[1::2], strict=True))


def _exists(operand: bool, _value: Any) -> bool:  # noqa: FBT001 (the pattern's own)
    return operand


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        ((kind, excluded),) = operand.items()
        texts = excluded if isinstance(excluded, list) else [excluded]
        return not any(_MATCHES[kind](text, value) for text in texts)
    return not any(_equal(each, value) for each in (operand if isinstance(operand, list) else [operand]))


def _cidr(operand: str, value: Any) -> bool:
    try:
        return isinstance(value, str) and ip_address(value) in ip_network(operand, strict=False)
    except ValueError:
        return False


_MATCHES: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _begins,
    "suffix": _ends,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "anything-but": _anything_but,
    "cidr": _cidr,
    "exists": _exists,
}
