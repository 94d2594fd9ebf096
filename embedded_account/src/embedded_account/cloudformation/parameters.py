"""Template parameters: what is declared, what a caller gave, and whether the one allows the other."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from embedded_account.cloudformation.errors import TemplateError, UnsupportedError

_PLAIN_LISTS = {"CommaDelimitedList", "List<Number>", "List<String>"}
_STORED = "AWS::SSM::Parameter::Value<{}>"  # whose value is the name of one in the Parameter Store
_STORED_TYPES = {_STORED.format(kind) for kind in ("String", "CommaDelimitedList", "List<String>")}
_LIST_TYPES = _PLAIN_LISTS | (_STORED_TYPES - {_STORED.format("String")})
_TYPES = {"String", "Number"} | _PLAIN_LISTS | _STORED_TYPES


def resolve(
    declarations: Mapping[str, Any], given: list[dict[str, Any]], previous: Mapping[str, str]
) -> dict[str, str]:
    """Return the text of every declared parameter: as given, as before (UsePreviousValue), or its default.

    Raises:
        TemplateError: one is missing, unknown or not allowed; the words are CloudFormation's.
    """
    values = _given_values(declarations, given, previous)
    missing = sorted(name for name, item in declarations.items() if name not in values and "Default" not in item)
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    resolved = {name: values.get(name, as_text(item.get("Default"))) for name, item in declarations.items()}
    for name, item in declarations.items():
        _check(name, item, resolved[name])
    return resolved


def typed(declarations: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return what Ref gives for each parameter: text, or a list for the list types."""
    return {
        name: split_list(text) if declarations[name]["Type"] in _LIST_TYPES else text for name, text in values.items()
    }


def stored(
    declarations: Mapping[str, Any], values: Mapping[str, str], fetch: Callable[[list[str]], Mapping[str, str]]
) -> dict[str, str]:
    """Return the texts that parameters of the Parameter Store have there; `fetch` gives those of the names it has.

    Raises:
        TemplateError: one is not there; the words are CloudFormation's.
    Source: CloudFormation user guide, "Specify existing resources at runtime with CloudFormation-supplied parameter
    types".
    """
    names = {key: name for key, name in values.items() if declarations[key]["Type"] in _STORED_TYPES}
    texts = fetch(sorted(set(names.values()))) if names else {}
    absent = sorted(set(names.values()) - set(texts))
    if absent:
        raise TemplateError(f"Unable to fetch parameters [{','.join(absent)}] from parameter store for this account.")
    return {key: texts[name] for key, name in names.items()}


def split_list(text: str) -> list[str]:
    """Return the items of a CommaDelimitedList."""
    return [item.strip() for item in text.split(",")] if text else []


def as_text(value: Any) -> str:
    """Return a scalar of a template as the text that CloudFormation passes on."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _given_values(
    declarations: Mapping[str, Any], given: list[dict[str, Any]], previous: Mapping[str, str]
) -> dict[str, str]:
    unknown = sorted(item["ParameterKey"] for item in given if item["ParameterKey"] not in declarations)
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, str] = {}
    for item in given:
        name = item["ParameterKey"]
        if name in values:
            raise TemplateError(f"Parameters: [{name}] is given more than once")
        if item.get("UsePreviousValue"):
            if item.get("ParameterValue"):
                raise TemplateError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty "
                    "value for a parameter"
                )
            if name not in previous:
                raise TemplateError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter "
                    "key not in the previous template"
                )
            values[name] = previous[name]
        elif "ParameterValue" in item:
            values[name] = item["ParameterValue"]
    return values


def _check(name: str, item: Mapping[str, Any], value: str) -> None:
    kind = item.get("Type")
    if kind not in _TYPES:
        if isinstance(kind, str) and kind.startswith(("AWS::", "List<AWS::")):
            raise UnsupportedError(f"type {kind!r} of parameter {name!r}")
        raise TemplateError(f"Template format error: Unrecognized parameter type: {kind}")
    problem = _problem(item, value, kind)
    if problem and item.get("ConstraintDescription"):
        raise TemplateError(f"Parameter {name} failed to satisfy constraint: {item['ConstraintDescription']}")
    if problem:
        raise TemplateError(f"Parameter '{name}' {problem}")


def _problem(item: Mapping[str, Any], value: str, kind: str) -> str:
    """Return what a value violates, in CloudFormation's words; empty when nothing."""
    items = split_list(value) if kind in _PLAIN_LISTS else [value]
    if "AllowedValues" in item and not {as_text(allowed) for allowed in item["AllowedValues"]}.issuperset(items):
        return f"must be one of AllowedValues: [{', '.join(map(as_text, item['AllowedValues']))}]"
    if "Number" in kind:
        return next(filter(None, (_number_problem(item, text) for text in items)), "")
    return next(filter(None, (_text_problem(item, text) for text in items)), "")


def _number_problem(item: Mapping[str, Any], text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return f"must be a number: {text!r}"
    bounds: list[tuple[str, Callable[[float, float], bool], str]] = [
        ("MinValue", lambda value, bound: value < bound, "must be a number not less than"),
        ("MaxValue", lambda value, bound: value > bound, "must be a number not greater than"),
    ]
    for key, violates, words in bounds:
        if key in item and violates(number, float(item[key])):
            return f"{words} {item[key]}"
    return ""


def _text_problem(item: Mapping[str, Any], text: str) -> str:
    if "AllowedPattern" in item and not re.fullmatch(str(item["AllowedPattern"]), text):
        return f"must match pattern {item['AllowedPattern']}"
    if "MinLength" in item and len(text) < int(item["MinLength"]):
        return f"must contain at least {item['MinLength']} characters"
    if "MaxLength" in item and len(text) > int(item["MaxLength"]):
        return f"must contain at most {item['MaxLength']} characters"
    return ""
