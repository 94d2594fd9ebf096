"""Tests of how a template's text is read."""

import pytest
from embedded_account.cloudformation.documents import check_resources, parse, transforms
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError

RESOURCES = "Resources: {A: {Type: 'AWS::SNS::Topic'}}\n"


def test_short_functions_become_long_ones() -> None:
    """!GetAtt, !Ref, !Sub and nested ones read as their JSON form."""
    text = (
        "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n"
        "      A: !GetAtt X.Y.Z\n      B: !Ref C\n      D: !Join ['', [!Sub '${E}', !If [F, 1, !Ref G]]]\n"
    )

    properties = parse(text)["Resources"]["A"]["Properties"]

    assert properties["A"] == {"Fn::GetAtt": ["X", "Y.Z"]}
    assert properties["B"] == {"Ref": "C"}
    assert properties["D"] == {"Fn::Join": ["", [{"Fn::Sub": "${E}"}, {"Fn::If": ["F", 1, {"Ref": "G"}]}]]}


def test_dates_stay_text() -> None:
    """The version of a policy document without quotes is no date."""
    assert parse(RESOURCES + "Metadata: {Version: 2012-10-17}")["Metadata"] == {"Version": "2012-10-17"}


def test_json_is_read_as_json() -> None:
    """A template that begins with a brace is JSON."""
    assert parse('{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}')["Resources"] == {"A": {"Type": "AWS::SNS::Topic"}}


@pytest.mark.parametrize(
    "text",
    [
        '{"Resources": {"A": {"Type": "AWS::SNS::Topic",},},}',
        "{'Resources': {'A': {'Type': 'AWS::SNS::Topic'}}}",
        "{Resources: {A: {Type: AWS::SNS::Topic}}}  # the topic",
    ],
)
def test_braces_that_are_no_json_are_read_as_yaml(text: str) -> None:
    """CloudFormation reads as YAML what is no JSON: a comma at the end, other quotes, comments.

    Source: CloudFormation user guide, "Validating a template".
    """
    assert parse(text)["Resources"] == {"A": {"Type": "AWS::SNS::Topic"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "unsupported structure"),
        ("a: [", "YAML not well-formed"),
        ("{", r"JSON not well-formed. \(line 1, column 2\)"),
        ("- 1", "unsupported structure"),
        ("Outputs: {}", "At least one Resources member"),
        ("Resources: {}", "At least one Resources member"),
        (RESOURCES + "Nonsense: 1", r"Invalid template property or properties \[Nonsense\]"),
        (RESOURCES + "Globals: {}", r"\[Globals\]"),
        (RESOURCES + "AWSTemplateFormatVersion: '2011-01-01'", "AWSTemplateFormatVersion"),
        (RESOURCES + "Parameters: []", "Parameters must be an object"),
    ],
)
def test_what_is_no_template_is_refused(text: str, words: str) -> None:
    """The refusal is in CloudFormation's words."""
    with pytest.raises(TemplateError, match=words):
        parse(text)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({}, "Type"),
        ("text", "Type"),
        ({"Type": "A::B::C", "CreationPolicy": {}}, "'CreationPolicy' of resource 'A'"),
        ({"Type": "A::B::C", "DeletionPolicy": "Snapshot"}, "DeletionPolicy 'Snapshot' of resource 'A'"),
    ],
)
def test_keys_of_a_resource_are_checked(definition: object, words: str) -> None:
    """What is missing, and what is not carried out, is named."""
    with pytest.raises(TemplateError, match=words):
        check_resources({"Resources": {"A": definition}})


def test_transforms_are_a_name_or_a_list() -> None:
    """Both forms of Transform read the same."""
    assert transforms({"Transform": "X"}) == ["X"] == transforms({"Transform": ["X"]})
    assert transforms({}) == []


def test_unsupported_is_a_template_error() -> None:
    """One except clause catches all that keeps a template from being deployed."""
    assert issubclass(UnsupportedError, TemplateError)
