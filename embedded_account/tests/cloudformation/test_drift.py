"""Tests of drift-aware change sets: what was deleted by hand is seen, and made anew."""

from typing import Any

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Table"}}},
    },
    "Outputs": {"Table": {"Value": {"Ref": "Table"}}},
}


def test_what_was_deleted_by_hand_is_made_anew(deployer: Any) -> None:
    """The table gets another name, which what refers to it and the outputs follow."""
    deployer.up(TEMPLATE)
    first = deployer.outputs["Table"]
    deployer.aws("dynamodb").delete_table(TableName=first)
    assert deployer.change_set(TEMPLATE)["Status"] == "FAILED"  # nothing in the template has changed

    described = deployer.change_set(TEMPLATE, DeploymentMode="REVERT_DRIFT")

    changes = {item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"] for item in described["Changes"]}
    assert (changes["Table"]["Action"], changes["Table"]["ResourceDriftStatus"]) == ("Add", "DELETED")
    assert changes["Topic"]["Action"] == "Modify"
    deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert deployer.wait() == "UPDATE_COMPLETE"
    second = deployer.outputs["Table"]
    topic = deployer.aws("sns").get_topic_attributes(TopicArn=deployer.physical_id("Topic"))["Attributes"]
    assert topic["DisplayName"] == second != first
    assert deployer.aws("dynamodb").describe_table(TableName=second)


def test_a_stack_that_is_whole_has_no_drift(deployer: Any) -> None:
    """Then such a change set is as empty as any other."""
    deployer.up(TEMPLATE)

    described = deployer.change_set(TEMPLATE, DeploymentMode="REVERT_DRIFT")

    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_what_is_gone_and_no_longer_wanted_is_forgotten(deployer: Any) -> None:
    """A resource that somebody deleted and the template drops is no change to carry out."""
    deployer.up(TEMPLATE)
    deployer.aws("sns").delete_topic(TopicArn=deployer.physical_id("Topic"))
    smaller = {"Resources": {"Table": TEMPLATE["Resources"]["Table"]}}

    assert deployer.up(smaller, DeploymentMode="REVERT_DRIFT") == "UPDATE_COMPLETE"
