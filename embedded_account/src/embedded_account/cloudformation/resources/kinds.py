"""What a property may hold. A kind checks a value, names the path of what is wrong, and gives it its real type.

Parameters are always text in CloudFormation, so `MemorySize: !Ref Memory` arrives as "512" and must become 512.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import Shape
from moto.core.utils import get_service_model

from embedded_account.cloudformation.errors import PropertyError, UnsupportedError
from embedded_account.cloudformation.intrinsics import KNOWN_AFTER_APPLY

Kind = Callable[[Any, str], Any]


def _known_only(kind: Kind) -> Kind:
    """Let a value through that only the deployment will know."""

    def check(value: Any, path: str) -> Any:
        return value if isinstance(value, str) and value == KNOWN_AFTER_APPLY else kind(value, path)

    return check


def _as_float(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (ValueError, TypeError):
        return None


@_known_only
def text(value: Any, path: str) -> str:
    """A string; numbers and booleans become one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise PropertyError(f"{path}: {value!r}; expected a string")


@_known_only
def integer(value: Any, path: str) -> int:
    """A whole number, or text of one."""
    parsed = _as_float(value)
    if parsed is None or not parsed.is_integer():
        raise PropertyError(f"{path}: {value!r}; expected a whole number")
    return int(parsed)


@_known_only
def number(value: Any, path: str) -> float:
    """A number, or text of one."""
    parsed = _as_float(value)
    if parsed is None:
        raise PropertyError(f"{path}: {value!r}; expected a number")
    return parsed


@_known_only
def boolean(value: Any, path: str) -> bool:
    """True or false, or text of one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise PropertyError(f"{path}: {value!r}; expected true or false")


@_known_only
def document(value: Any, path: str) -> dict[str, Any]:
    """A JSON document, as a mapping or as text."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise PropertyError(f"{path}: the text is not JSON") from None
    if not isinstance(parsed, dict):
        raise PropertyError(f"{path}: {value!r}; expected a JSON document")
    return parsed


@_known_only
def policy(value: Any, path: str) -> dict[str, Any]:
    """A policy document; SAM's policy templates leave out the version, which IAM requires."""
    return {"Version": "2012-10-17", **document(value, path)}


def list_of(kind: Kind) -> Kind:
    """A list whose items are of one kind."""

    @_known_only
    def check(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise PropertyError(f"{path}: {value!r}; expected a list")
        return [kind(item, f"{path}/{index}") for index, item in enumerate(value)]

    return check


def map_of(kind: Kind) -> Kind:
    """A mapping from names to values of one kind."""

    @_known_only
    def check(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise PropertyError(f"{path}: {value!r}; expected a mapping")
        return {str(key): kind(item, f"{path}/{key}") for key, item in value.items()}

    return check


def struct(members: Mapping[str, Kind]) -> Kind:
    """A mapping with these members and no other."""

    @_known_only
    def check(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise PropertyError(f"{path}: {value!r}; expected a mapping")
        for key in value:
            if key not in members:
                raise UnsupportedError(f"property {path}/{key}")
        return {key: members[key](item, f"{path}/{key}") for key, item in value.items()}

    return check


def only(*allowed: Any) -> Kind:
    """One of these values; any other is refused by name."""

    @_known_only
    def check(value: Any, path: str) -> Any:
        if value not in allowed:
            raise UnsupportedError(f"property {path} with the value {value!r}")
        return value

    return check


def api(service: str, shape_name: str) -> Kind:
    """Whatever a structure of the service's own API may hold, under the API's spelling of each name."""

    @_known_only
    def check(value: Any, path: str) -> Any:
        return _fit(get_service_model(service).shape_for(shape_name), value, path)

    return check


strings = list_of(text)
tags = list_of(struct({"Key": text, "Value": text}))

_SCALARS: dict[str, Kind] = {
    "string": text, "integer": integer, "long": integer, "float": number, "double": number, "boolean": boolean,
    "timestamp": text,
}  # fmt: skip


def _fit(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(value, str) and value == KNOWN_AFTER_APPLY:
        return value
    if shape.type_name == "structure":
        return _fit_structure(shape, value, path)
    if shape.type_name == "list":
        return list_of(lambda item, item_path: _fit(shape.member, item, item_path))(value, path)  # type: ignore[attr-defined]
    if shape.type_name == "map":
        return map_of(lambda item, item_path: _fit(shape.value, item, item_path))(value, path)  # type: ignore[attr-defined]
    if shape.type_name == "string" and isinstance(value, dict):
        return json.dumps(value)  # CloudFormation takes a document where the API takes its text
    return _SCALARS[shape.type_name](value, path)


def _fit_structure(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PropertyError(f"{path}: {value!r}; expected a mapping")
    spelled = {name.lower(): name for name in shape.members}
    fitted = {}
    for key, item in value.items():
        name = spelled.get(str(key).lower())
        if name is None:
            raise PropertyError(
                f"property {path}/{key}: unknown; one of {', '.join(sorted(shape.members))} was expected"
            )
        fitted[name] = _fit(shape.members[name], item, f"{path}/{key}")
    return fitted
