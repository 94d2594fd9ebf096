"""ops/stack/lint_policies.py: mistakes in policies are found, and what is accepted is needed."""

import pytest

from ops.stack import lint_policies
from ops.stack.expand_template import expand, read_template


def template(statement):
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return {
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}},
        }
    }


@pytest.mark.parametrize(
    ("action", "resource", "what"),
    [
        ("s3:GetObjects", {"Fn::GetAtt": ["Bucket", "Arn"]}, "UNKNOWN_ACTION"),
        ("s3:GetObject", {"Fn::GetAtt": ["Bucket", "Arn"]}, "RESOURCE_MISMATCH"),
        ("s3:PutObject", "*", "RESOURCE_STAR"),
        ("s3:PutObject", {"Fn::Sub": "arn:${AWS::Partition}:s3::${Bucket}"}, "INVALID_ARN"),
    ],
)
def test_a_mistake_in_a_policy_is_found(action, resource, what):
    """An action that is none, one that its resource does not fit, an open one, and an ARN that is none."""
    findings = lint_policies.findings(template({"Effect": "Allow", "Action": action, "Resource": resource}))

    assert [line.split(": ")[:2] for line in findings] == [["Role", what]]


def test_a_right_policy_passes():
    """The objects of a bucket, named through the functions of a template."""
    resource = {"Fn::Sub": "${Bucket.Arn}/datasets/*"}

    assert lint_policies.findings(template({"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource})) == []


def test_functions_are_answered_by_kind_of_resource():
    """Names and ARNs have the form that a stack would give them."""
    kinds = {"Topic": "AWS::SNS::Topic", "Table": "AWS::DynamoDB::Table"}
    document = [
        {"Ref": "Topic"},
        {"Fn::GetAtt": ["Table", "Arn"]},
        {"Fn::If": ["HasOne", {"Ref": "Table"}, {"Ref": "AWS::NoValue"}]},
        {"Fn::Split": [",", {"Fn::Join": ["/*,", ["a", "b"]]}]},
        {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Name}", {"Name": {"Ref": "Table"}}]},
    ]

    assert lint_policies.plain(document, kinds) == [
        "arn:aws:sns:us-east-1:123456789012:x",
        "arn:aws:dynamodb:us-east-1:123456789012:table/x",
        "table",
        ["a/*", "b"],
        "arn:aws:s3:::name",
    ]


def test_the_template_passes(capsys):
    """Nothing but what is accepted with a reason, and no reason too many."""
    assert lint_policies.main() == 0, capsys.readouterr().out


def test_an_acceptance_that_nothing_needs_is_said(monkeypatch, capsys):
    """A reason stays no longer than what it was given for."""
    monkeypatch.setattr(lint_policies, "ACCEPTED", {**lint_policies.ACCEPTED, "NOTHING_HAS_THIS": "once"})

    assert lint_policies.main() == 1
    assert capsys.readouterr().out == "NOTHING_HAS_THIS: is accepted and not found any more; take it out\n"


def test_every_role_is_looked_at():
    """Each role of the template that has a policy is one that the linter reads."""
    expanded = expand(read_template())
    roles = {name for name, resource in expanded["Resources"].items() if resource["Type"] == "AWS::IAM::Role"}

    assert roles == {name for name, _ in lint_policies.policies(expanded)} & roles
