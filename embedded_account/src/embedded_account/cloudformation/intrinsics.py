"""CloudFormation's functions: what a value of a template becomes once the names in it are known."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from embedded_account.cloudformation.errors import TemplateError, UnsupportedError

# What a change set shows for a value that only the deployment will know; the words are AWS's.
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
_DEPENDENT = (
    "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"
)
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class _NoValue:
    """AWS::NoValue: the property or item that has it is left out."""


NO_VALUE = _NoValue()


class Resources(Protocol):
    """What Ref and Fn::GetAtt ask for."""

    def reference(self, logical_id: str) -> Any:
        """Return what Ref of a resource gives."""

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return what Fn::GetAtt gives for it."""

    def imported(self, name: str) -> Any:
        """Return what Fn::ImportValue of another stack's export gives."""


@dataclass(frozen=True)
class Values:
    """All that a template's functions can name, apart from resources.

    `names` holds parameters, as Ref gives them, and pseudo parameters such as AWS::Region.
    """

    names: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    _met: dict[str, bool] = field(default_factory=dict)

    def condition(self, name: str, _open: tuple[str, ...] = ()) -> bool:
        """Return whether a named condition of the template is met."""
        if name in _open:
            raise TemplateError(f"Template error: circular dependency in the Conditions block: [{', '.join(_open)}]")
        if name not in self.conditions:
            raise TemplateError(f"Template format error: Unresolved condition dependency {name} in the template")
        if name not in self._met:
            self._met[name] = self._is_met(self.conditions[name], (*_open, name))
        return self._met[name]

    def _is_met(self, value: Any, open_names: tuple[str, ...]) -> bool:
        if isinstance(value, dict) and set(value) == {"Condition"}:
            return self.condition(str(value["Condition"]), open_names)
        call: tuple[str, Any] = _function(value) or ("", None)
        function, argument = call
        if function == "Fn::Not":
            return not self._is_met(_arguments(function, argument, 1)[0], open_names)
        if function in ("Fn::And", "Fn::Or"):
            met = [self._is_met(item, open_names) for item in _list(function, argument)]
            return all(met) if function == "Fn::And" else any(met)
        if function == "Fn::Equals":
            left, right = (Resolver(self, _NoResources()).resolve(item) for item in _arguments(function, argument, 2))
            return bool(_comparable(left) == _comparable(right))
        raise TemplateError(f"Template error: every condition must be a function that is true or false, not {value!r}")


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class _NoResources:
    def reference(self, logical_id: str) -> Any:
        raise TemplateError(
            f"Template format error: Unresolved dependencies [{logical_id}]. Cannot reference resources in the "
            "Conditions block of the template"
        )

    def attribute(self, logical_id: str, name: str) -> Any:
        raise TemplateError(f"Template error: Fn::GetAtt [{logical_id}, {name}] is not allowed in Conditions")

    def imported(self, name: str) -> Any:
        raise TemplateError(f"Template error: Fn::ImportValue of {name} is not allowed in Conditions")


class Resolver:
    """Turns values of a template into the values they stand for."""

    def __init__(self, values: Values, resources: Resources) -> None:
        self._values = values
        self._resources = resources

    def resolve(self, value: Any) -> Any:
        """Return `value` with every function carried out.

        Raises:
            TemplateError: a function is used in a way that CloudFormation refuses.
            UnsupportedError: a function or reference is not carried out here.
        """
        call = _function(value)
        if call:
            return self._call(*call)
        if isinstance(value, dict):
            resolved = {key: self.resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if isinstance(value, str) and "{{resolve:" in value:
            raise UnsupportedError(f"the dynamic reference {value!r}")
        return value

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self._ref(str(argument))
        method = _METHODS.get(function)
        if method is None:
            raise UnsupportedError(f"the function {function!r}")
        return method(self, argument)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._values.names[name] if name in self._values.names else self._resources.reference(name)

    def _get_att(self, argument: Any) -> Any:
        logical_id, name = _get_att_parts(argument)
        return self._resources.attribute(logical_id, str(self.resolve(name)))

    def _sub(self, argument: Any) -> str:
        text, variables = _sub_parts(argument)
        values = {key: self.resolve(item) for key, item in variables.items()}

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in values:
                return _text("Fn::Sub", values[name])
            value = self._get_att(name) if "." in name else self._ref(name)
            return _text("Fn::Sub", value)

        return _known(_VARIABLE.sub(replace, text))

    def _join(self, argument: Any) -> str:
        delimiter, items = _arguments("Fn::Join", argument, 2)
        items = self.resolve(items)
        if items == KNOWN_AFTER_APPLY:
            return KNOWN_AFTER_APPLY
        if not isinstance(items, list):
            raise TemplateError("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined")  # noqa: E501  # fmt: skip
        return _known(str(delimiter).join(_text("Fn::Join", item) for item in items))

    def _split(self, argument: Any) -> Any:
        delimiter, text = _arguments("Fn::Split", argument, 2)
        text = _text("Fn::Split", self.resolve(text))
        return KNOWN_AFTER_APPLY if text == KNOWN_AFTER_APPLY else text.split(str(delimiter))

    def _select(self, argument: Any) -> Any:
        index, items = _arguments("Fn::Select", argument, 2)
        items, position = self.resolve(items), str(self.resolve(index))
        if items == KNOWN_AFTER_APPLY:
            return KNOWN_AFTER_APPLY
        if not position.isdigit() or not isinstance(items, list) or int(position) >= len(items):
            raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {position}")
        return items[int(position)]

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = (str(self.resolve(item)) for item in _arguments("Fn::FindInMap", argument, 3))
        try:
            return self._values.mappings[name][first][second]
        except KeyError:
            raise TemplateError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None

    def _if(self, argument: Any) -> Any:
        return self.resolve(chosen(self._values, argument))

    def _import_value(self, argument: Any) -> Any:
        return self._resources.imported(export_name(self._values, argument))

    def _base64(self, argument: Any) -> str:
        text = _text("Fn::Base64", self.resolve(argument))
        return text if text == KNOWN_AFTER_APPLY else base64.b64encode(text.encode()).decode()


_METHODS = {
    "Fn::GetAtt": Resolver._get_att,
    "Fn::Sub": Resolver._sub,
    "Fn::Join": Resolver._join,
    "Fn::Split": Resolver._split,
    "Fn::Select": Resolver._select,
    "Fn::FindInMap": Resolver._find_in_map,
    "Fn::If": Resolver._if,
    "Fn::Base64": Resolver._base64,
    "Fn::ImportValue": Resolver._import_value,
}


def chosen(values: Values, argument: Any) -> Any:
    """Return the branch that an Fn::If with `argument` takes."""
    name, met, unmet = _arguments("Fn::If", argument, 3)
    return met if values.condition(str(name)) else unmet


class _NothingElse:
    def reference(self, logical_id: str) -> Any:
        raise TemplateError(_DEPENDENT)

    def attribute(self, logical_id: str, name: str) -> Any:
        raise TemplateError(_DEPENDENT)

    def imported(self, name: str) -> Any:
        raise TemplateError(_DEPENDENT)


def export_name(values: Values, argument: Any) -> str:
    """Return the name of an export, which `argument` says without anything that a deployment makes."""
    return _text("Fn::ImportValue", Resolver(values, _NothingElse()).resolve(argument))


def imports(value: Any) -> Iterator[Any]:
    """Yield the argument of each Fn::ImportValue in `value`."""
    call: tuple[str, Any] = _function(value) or ("", None)
    if call[0] == "Fn::ImportValue":
        yield call[1]
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from imports(item)


def pruned(values: Values, value: Any) -> Any:
    """Return `value` with every Fn::If replaced by the branch it takes, and nothing else changed."""
    call = _function(value)
    if call and call[0] == "Fn::If":
        return pruned(values, chosen(values, call[1]))
    if isinstance(value, dict):
        return {key: pruned(values, item) for key, item in value.items()}
    return [pruned(values, item) for item in value] if isinstance(value, list) else value


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the (name, attribute) pairs that `value` names; the attribute is empty for a Ref.

    Names of parameters and pseudo parameters are among them.
    """
    call: tuple[str, Any] = _function(value) or ("", None)
    function, argument = call
    if function == "Ref":
        yield str(argument), ""
    elif function == "Fn::GetAtt":
        logical_id, attribute = _get_att_parts(argument)
        yield logical_id, str(attribute)
        yield from references(attribute)
    elif function == "Fn::Sub":
        text, variables = _sub_parts(argument)
        names = {match.strip() for match in _VARIABLE.findall(text)} - set(variables)
        for name in sorted(name for name in names if not name.startswith("!")):
            first, _, attribute = name.partition(".")
            yield first, attribute
        yield from references(list(variables.values()))
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _function(value: Any) -> tuple[str, Any] | None:
    """Return the function and its argument when `value` is one."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    name, argument = next(iter(value.items()))
    return (name, argument) if name == "Ref" or str(name).startswith("Fn::") else None


def _get_att_parts(argument: Any) -> tuple[str, Any]:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    logical_id, name = _arguments("Fn::GetAtt", parts, 2)
    return str(logical_id), name


def _sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    text, variables = (argument, {}) if isinstance(argument, str) else _arguments("Fn::Sub", argument, 2)
    if not isinstance(text, str) or not isinstance(variables, dict):
        raise TemplateError(f"Template error: Fn::Sub needs a string, and a mapping of variables, not {argument!r}")
    return text, variables


def _list(function: str, argument: Any) -> list[Any]:
    if not isinstance(argument, list):
        raise TemplateError(f"Template error: every {function} object requires a list, not {argument!r}")
    return argument


def _arguments(function: str, argument: Any, number: int) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != number:
        raise TemplateError(f"Template error: every {function} object requires a list of {number} values, not {argument!r}")  # noqa: E501  # fmt: skip
    return argument


def _text(function: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TemplateError(f"Template error: {function} needs strings; one of its values is {value!r}")


def _known(text: str) -> str:
    return KNOWN_AFTER_APPLY if KNOWN_AFTER_APPLY in text else text
