"""Tests of template parameters."""

from typing import Any

import pytest
from embedded_account.cloudformation.errors import TemplateError
from embedded_account.cloudformation.parameters import as_text, resolve, split_list, typed
from hypothesis import given
from hypothesis import strategies as st


def given_as(**values: str) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "ParameterValue": text} for name, text in values.items()]


def test_given_default_and_previous_values_are_merged() -> None:
    """A given value wins; UsePreviousValue takes the last deployment's; the rest has its default."""
    declarations = {"A": {"Type": "String"}, "B": {"Type": "Number", "Default": 3}, "C": {"Type": "String"}}
    items = [*given_as(A="a"), {"ParameterKey": "C", "UsePreviousValue": True}]

    assert resolve(declarations, items, {"C": "before"}) == {"A": "a", "B": "3", "C": "before"}


@pytest.mark.parametrize(
    ("declaration", "text", "words"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", r"must be one of AllowedValues: \[a, b\]"),
        ({"Type": "Number", "AllowedValues": [1, 2]}, "3", "must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "ab1", r"must match pattern \[a-z\]\+"),
        ({"Type": "String", "MinLength": 2}, "a", "must contain at least 2 characters"),
        ({"Type": "String", "MaxLength": 2}, "abc", "must contain at most 2 characters"),
        ({"Type": "Number", "MinValue": 2}, "1", "must be a number not less than 2"),
        ({"Type": "Number", "MaxValue": 2}, "3", "must be a number not greater than 2"),
        ({"Type": "Number"}, "three", "must be a number"),
        ({"Type": "List<Number>"}, "1,b", "must be a number"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "must be a"}, "b", "constraint: must be a"),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "x", "'AWS::SSM::Parameter::Value<String>' of parameter 'P'"),
        ({"Type": "AWS::EC2::VPC::Id"}, "x", "does not carry this out"),
        ({"Type": "Boolean"}, "x", "Unrecognized parameter type: Boolean"),
    ],
)
def test_what_is_not_allowed_is_refused(declaration: dict[str, Any], text: str, words: str) -> None:
    """Each constraint and each type that is not carried out is named."""
    with pytest.raises(TemplateError, match=words):
        resolve({"P": declaration}, given_as(P=text), {})


def test_missing_and_unknown_parameters_are_named() -> None:
    """CloudFormation lists them all at once."""
    declarations = {"A": {"Type": "String"}, "B": {"Type": "String"}}

    with pytest.raises(TemplateError, match=r"Parameters: \[A, B\] must have values"):
        resolve(declarations, [], {})
    with pytest.raises(TemplateError, match=r"Parameters: \[X\] do not exist in the template"):
        resolve(declarations, given_as(A="", B="", X=""), {})
    with pytest.raises(TemplateError, match="usePreviousValue as true and non empty value for a parameter"):
        resolve(declarations, [given_as(A="a")[0] | {"UsePreviousValue": True}, *given_as(B="")], {"A": "before"})
    with pytest.raises(TemplateError, match="Cannot specify usePreviousValue"):
        resolve(declarations, [{"ParameterKey": "A", "UsePreviousValue": True}, *given_as(B="")], {})


def test_list_types_are_lists() -> None:
    """Ref of a CommaDelimitedList gives its items."""
    declarations = {"L": {"Type": "CommaDelimitedList"}, "S": {"Type": "String"}}

    assert typed(declarations, {"L": "a, b", "S": "a, b"}) == {"L": ["a", "b"], "S": "a, b"}


@given(st.lists(st.text("abc", min_size=1), min_size=1))
def test_split_list_undoes_join(items: list[str]) -> None:
    """Items without commas or surrounding blanks survive."""
    assert split_list(",".join(items)) == items


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_hold_for_every_number(number: float, bound: float) -> None:
    """A number passes MinValue exactly when it is not below it."""
    declaration = {"P": {"Type": "Number", "MinValue": bound}}
    if number >= bound:
        assert resolve(declaration, given_as(P=repr(number)), {}) == {"P": repr(number)}
    else:
        with pytest.raises(TemplateError, match="not less than"):
            resolve(declaration, given_as(P=repr(number)), {})


def test_booleans_are_lower_case_text() -> None:
    """A default of true is the text "true"."""
    assert as_text(True) == "true"
