"""What a target of a rule receives: the event, a part of it, a constant, or a transformed text."""

import json
import re
from functools import lru_cache
from typing import Any

from jsonpath_ng.parser import parse

_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")


def target_input(target: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    """Return the JSON text that `target` of the rule gets for `event`.

    Source: EventBridge user guide, "Amazon EventBridge input transformation".
    """
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(_select(target["InputPath"], event))
    if target.get("InputTransformer"):
        return _transform(target["InputTransformer"], event, rule_arn)
    return json.dumps(event)


def _transform(transformer: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    values: dict[str, Any] = {
        "aws.events.event": event,
        "aws.events.event.json": event,
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": event.get("time"),
    }
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        values[name] = _select(path, event)
    template = str(transformer["InputTemplate"])
    return _VARIABLE.sub(lambda match: _insert(match, template, values), template)


def _insert(match: re.Match[str], template: str, values: dict[str, Any]) -> str:
    """Return the text for one variable: bare inside quotes, a JSON value outside them."""
    if match.group(1) not in values:
        return match.group(0)
    value = values[match.group(1)]
    inside_quotes = len(re.findall(r'(?<!\\)"', template[: match.start()])) % 2 == 1
    if not inside_quotes:
        return json.dumps(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]


def _select(path: str, event: dict[str, Any]) -> Any:
    """Return what the JSONPath finds: a value, or None where there is none."""
    selected = [match.value for match in _parsed(path).find(event)]
    return selected[0] if selected else None


@lru_cache(maxsize=256)
def _parsed(path: str) -> Any:
    """Return what finds the path, kept since it takes longer to make than all else of an event."""
    return parse(re.sub(r"\.([A-Za-z0-9_]*-[A-Za-z0-9_-]*)", r"['\1']", path))  # a member with a dash: $.detail-type
