"""Tests of template parameters."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.cloudformation.errors import TemplateError
from embedded_account.cloudformation.parameters import as_text, resolve, split_list, typed
from hypothesis import given
from hypothesis import strategies as st
from support.stacks import Deployer


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
        ({"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"}, "x", "Image::Id>' of parameter 'P'"),
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


def test_template_of_the_cdk_reads_its_bootstrap_version(deployer: Deployer) -> None:
    """A parameter that names one of the Parameter Store has the value there, in rules, functions and descriptions.

    Source: CloudFormation user guide, "Specify existing resources at runtime with CloudFormation-supplied parameter
    types"; AWS CDK developer guide, "AWS CDK bootstrapping", the template that it synthesizes.
    """
    name = _stored(deployer, "21")
    too_old = {"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}
    template = _template(
        {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}},
        Rules={"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Not": [too_old]}}]}},
    )
    template["Resources"]["CDKMetadata"] = {
        "Type": "AWS::CDK::Metadata",
        "Properties": {"Analytics": "v2:deflate64:H4"},
    }

    assert deployer.up(template) == "CREATE_COMPLETE"

    assert deployer.outputs == {"Out": "21"}
    (shown,) = deployer.stack["Parameters"]
    assert shown == {"ParameterKey": "BootstrapVersion", "ParameterValue": name, "ResolvedValue": "21"}


def test_another_value_in_the_store_is_a_change(deployer: Deployer) -> None:
    """An update looks the value up again, as a list where the type says so."""
    name = _stored(deployer, "a,b", kind="StringList")
    template = _template({"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": name}})
    template["Outputs"]["Out"]["Value"] = {"Fn::Select": [1, {"Ref": "BootstrapVersion"}]}
    deployer.up(template)
    deployer.aws("ssm").put_parameter(Name=name, Value="a,c", Overwrite=True)

    deployer.up(template)

    assert deployer.outputs == {"Out": "c"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [("", "Unable to fetch parameters .* from parameter store"), ("SecureString", "types not supported by CloudForm")],
)
def test_parameter_that_the_store_does_not_give_is_refused(deployer: Deployer, kind: str, words: str) -> None:
    """One that is missing and one that is secret fail before anything is made, in CloudFormation's words."""
    name = _stored(deployer, "secret", kind=kind) if kind else "/absent"
    template = _template({"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}})

    with pytest.raises(ClientError, match=words):
        deployer.change_set(template)


def _stored(deployer: Deployer, text: str, kind: str = "String") -> str:
    """Return the name of a new parameter of the Parameter Store."""
    name = f"/cdk-bootstrap/{uuid.uuid4().hex[:9]}/version"
    deployer.aws("ssm").put_parameter(Name=name, Value=text, Type=kind)
    return name


def _template(parameters: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return a template with a topic that shows the parameter BootstrapVersion, as its output does."""
    shown = {"Fn::Sub": "${BootstrapVersion}"} if "List" not in str(parameters) else "a list"
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": shown}}
    outputs = {"Out": {"Value": {"Ref": "BootstrapVersion"}}}
    return {"Parameters": parameters, "Resources": {"Topic": topic}, "Outputs": outputs, **sections}
