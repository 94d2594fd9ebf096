"""The Rules of a template: assertions about its parameters, checked before anything is created or changed.

Source: CloudFormation user guide, "CloudFormation template Rules syntax", and template reference, "Rule functions".
"""

from collections.abc import Callable, Mapping
from typing import Any

from embedded_account.cloudformation.documents import section
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError

Values = Mapping[str, Any]


def check(document: dict[str, Any], values: Values) -> None:
    """Refuse parameters of which an assertion does not hold.

    Raises:
        TemplateError: with the assertion's description.
        UnsupportedError: a rule asks for a function that is not carried out.
    """
    for name, rule in section(document, "Rules").items():
        assertions = rule.get("Assertions") if isinstance(rule, dict) else None
        if not assertions:
            raise TemplateError(f"Template format error: Rule {name} must have Assertions")
        if "RuleCondition" in rule and not _holds(rule["RuleCondition"], values):
            continue
        for assertion in assertions:
            if not _holds(assertion["Assert"], values):
                description = assertion.get("AssertDescription", f"an assertion of rule {name} failed")
                raise TemplateError(f"Template validation error: {description}")


def _holds(condition: Any, values: Values) -> bool:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise TemplateError(f"Template format error: {condition!r} is no rule function")
    ((name, arguments),) = condition.items()
    if name in _LOGIC:
        return _LOGIC[name](_holds(each, values) for each in arguments)
    if name in _COMPARISONS:
        return _COMPARISONS[name](*(_value(each, values) for each in arguments))
    raise UnsupportedError(f"rule function {name!r}")


def _value(argument: Any, values: Values) -> Any:
    if isinstance(argument, list):
        return [_value(each, values) for each in argument]
    if isinstance(argument, dict):
        if set(argument) != {"Ref"} or argument["Ref"] not in values:
            raise UnsupportedError(f"{argument!r} in a rule")
        return _value(values[argument["Ref"]], values)
    return str(argument)


_LOGIC: dict[str, Callable[[Any], bool]] = {"Fn::And": all, "Fn::Or": any, "Fn::Not": lambda held: not next(iter(held))}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Fn::Equals": lambda one, other: bool(one == other),
    "Fn::Contains": lambda texts, one: one in texts,
    "Fn::EachMemberEquals": lambda texts, one: all(text == one for text in texts),
    "Fn::EachMemberIn": lambda texts, others: set(texts) <= set(others),
}
