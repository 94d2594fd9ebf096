"""Tests of a template's Rules: a contradiction of parameters is refused before there is a stack."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.cloudformation import rules
from embedded_account.cloudformation.errors import TemplateError

TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}
VALUES = {"Kind": "b", "Kinds": ["a", "b"], "Empty": ""}
KIND = {"Ref": "Kind"}


def _template(condition: Any, **more: Any) -> dict[str, Any]:
    return {"Rules": {"R": {"Assertions": [{"Assert": condition, "AssertDescription": "does not fit"}], **more}}}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Fn::Equals": [KIND, "b"]}, True),
        ({"Fn::Equals": [KIND, "a"]}, False),
        ({"Fn::Not": [{"Fn::Equals": [{"Ref": "Empty"}, ""]}]}, False),
        ({"Fn::And": [{"Fn::Equals": [KIND, "b"]}, {"Fn::Equals": [KIND, "a"]}]}, False),
        ({"Fn::Or": [{"Fn::Equals": [KIND, "b"]}, {"Fn::Equals": [KIND, "a"]}]}, True),
        ({"Fn::Contains": [["a", "b"], KIND]}, True),
        ({"Fn::Contains": [["a"], KIND]}, False),
        ({"Fn::EachMemberEquals": [{"Ref": "Kinds"}, "a"]}, False),
        ({"Fn::EachMemberIn": [{"Ref": "Kinds"}, ["a", "b", "c"]]}, True),
    ],
)
def test_a_rule_function_compares_parameters(condition: Any, holds: bool) -> None:
    """Each function of the reference, both ways."""
    if holds:
        rules.check(_template(condition), VALUES)
        return
    with pytest.raises(TemplateError, match="does not fit"):
        rules.check(_template(condition), VALUES)


def test_a_rule_applies_while_its_condition_holds() -> None:
    """What is not the case is not asserted."""
    rules.check(_template({"Fn::Equals": [KIND, "a"]}, RuleCondition={"Fn::Equals": [KIND, "c"]}), VALUES)


def test_a_function_that_rules_do_not_know_is_refused() -> None:
    """Numbers, for one, cannot be compared."""
    with pytest.raises(TemplateError, match="rule function 'Fn::GreaterThan'"):
        rules.check(_template({"Fn::GreaterThan": [KIND, "a"]}), VALUES)


def test_a_change_set_that_breaks_a_rule_is_refused(deployer: Any) -> None:
    """CreateChangeSet answers ValidationError with the assertion's description, and there is no stack."""
    document = _template({"Fn::Equals": [KIND, "a"]}) | {
        "Parameters": {"Kind": {"Type": "String"}},
        "Resources": TOPIC,
    }

    with pytest.raises(ClientError, match="does not fit") as caught:
        deployer.change_set(document, {"Kind": "b"})

    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="does not exist"):
        deployer.client.describe_stacks(StackName=deployer.name)
    assert deployer.change_set(document, {"Kind": "a"})["Status"] == "CREATE_COMPLETE"
    deployer.client.delete_stack(StackName=deployer.name)
