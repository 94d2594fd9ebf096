"""Reads the text of a template and checks its form."""

import json
from contextlib import suppress
from typing import Any, cast

import yaml

from embedded_account.cloudformation.errors import TemplateError, UnsupportedError

MAX_BODY_BYTES = 51_200
MAX_S3_BYTES = 1_000_000
SAM_TRANSFORM = "AWS::Serverless-2016-10-31"
_SECTIONS = {
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Transform",
    "Globals", "Resources", "Outputs",
}  # fmt: skip
_RESOURCE_KEYS = {
    "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata",
}  # fmt: skip
_RESOURCE_TYPES: dict[str, tuple[type, ...]] = {
    "Properties": (dict,),
    "DependsOn": (str, list),
    "Condition": (str,),
    "Metadata": (dict,),
}
_POLICIES = {"Delete", "Retain", "RetainExceptOnCreate"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short functions; dates stay text, as 2012-10-17 in a policy must."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _short_function(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_function)


def parse(body: str) -> dict[str, Any]:
    """Return the template of `body`, YAML or JSON.

    Raises:
        TemplateError: it is neither, or not a mapping with Resources, or has a section that no template has.
    Source: CloudFormation user guide, "Validating a template": what is not valid JSON may be valid YAML.
    """
    try:
        document = _from_braces(body) if body.lstrip().startswith("{") else yaml.load(body, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise TemplateError(f"Template format error: YAML not well-formed.{where}") from error
    except json.JSONDecodeError as error:
        where = f"(line {error.lineno}, column {error.colno})"
        raise TemplateError(f"Template format error: JSON not well-formed. {where}") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise TemplateError("Template format error: unsupported structure.") from error
    if not isinstance(document, dict):
        raise TemplateError("Template format error: unsupported structure.")
    _check_sections(document)
    return document


def _from_braces(body: str) -> Any:
    """Return what a text that begins with a brace says: JSON, else YAML, which takes a comma after the last member."""
    try:
        return json.loads(body)
    except json.JSONDecodeError:
        with suppress(yaml.YAMLError):
            return yaml.load(body, Loader=_Loader)  # noqa: S506
        raise


def transforms(document: dict[str, Any]) -> list[str]:
    """Return the names of the macros that the whole template asks for."""
    named = document.get("Transform", [])
    return [str(name) for name in (named if isinstance(named, list) else [named])]


def check_resources(document: dict[str, Any]) -> None:
    """Check the keys of every resource of a template whose transforms are done.

    Raises:
        TemplateError: a resource has no Type, or a key that no resource has.
        UnsupportedError: a resource asks for a policy that is not carried out.
    """
    for logical_id, definition in document["Resources"].items():
        if not isinstance(definition, dict) or not isinstance(definition.get("Type"), str):
            raise TemplateError(f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member.")  # noqa: E501  # fmt: skip
        if not str(logical_id).isalnum():
            raise TemplateError(f"Template format error: Resource name {logical_id} is non alphanumeric.")
        for key, types in _RESOURCE_TYPES.items():
            if not isinstance(definition.get(key, types[0]()), types):
                raise TemplateError(f"Template format error: [/Resources/{logical_id}/{key}] has a value of another type.")  # noqa: E501  # fmt: skip
        for key in sorted(set(definition) - _RESOURCE_KEYS):
            raise UnsupportedError(f"{key!r} of resource {logical_id!r}")
        for key in ("DeletionPolicy", "UpdateReplacePolicy"):
            policy = definition.get(key, "Delete")
            if not isinstance(policy, str) or policy not in _POLICIES:
                raise UnsupportedError(f"{key} {definition[key]!r} of resource {logical_id!r}")


def _check_sections(document: dict[str, Any]) -> None:
    unknown = sorted(str(key) for key in document if key not in _SECTIONS)
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    if not isinstance(document.get("Resources"), dict) or not document["Resources"]:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for section in ("Parameters", "Rules", "Mappings", "Conditions", "Outputs"):
        if not isinstance(document.get(section, {}), dict):
            raise TemplateError(f"Template format error: {section} must be an object.")
    for logical_id, definition in document["Resources"].items():
        if not isinstance(definition, dict):
            raise TemplateError(f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member.")  # noqa: E501  # fmt: skip
    if "Globals" in document and SAM_TRANSFORM not in transforms(document):
        raise TemplateError("Invalid template property or properties [Globals]")
    version = document.get("AWSTemplateFormatVersion", "2010-09-09")
    if version != "2010-09-09":
        raise TemplateError("Template format error: unsupported value for AWSTemplateFormatVersion.")


def section(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a section of a template, empty when it has none."""
    return cast("dict[str, Any]", document.get(name) or {})
