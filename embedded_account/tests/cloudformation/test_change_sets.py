"""Tests of change sets against a running account."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TOPIC: dict[str, Any] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
ROLE: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
NO_CHANGE = "The submitted information didn't contain changes. Submit different information to create a change set."


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def test_nothing_to_change_fails_in_awss_words(deployer: Any) -> None:
    """The same template again makes a FAILED change set that cannot be executed."""
    deployer.up(template(Topic=TOPIC))

    described = deployer.change_set(template(Topic=TOPIC))

    assert (described["Status"], described["StatusReason"]) == ("FAILED", NO_CHANGE)
    assert described["ExecutionStatus"] == "UNAVAILABLE"
    with pytest.raises(
        ClientError, match=r"InvalidChangeSetStatus.*cannot be executed in its current status of .FAILED"
    ):
        deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"Type": "AWS::EC2::Instance"}, "type 'AWS::EC2::Instance' of resource 'Thing'"),
        ({"Type": "AWS::SNS::Topic", "Properties": {"Odd": 1}}, "property 'Odd' of resource 'Thing' (AWS::SNS::Topic)"),
        ({"Type": "AWS::SNS::Topic", "CreationPolicy": {}}, "'CreationPolicy' of resource 'Thing'"),
        ({"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAZs": ""}}}, "the function 'Fn::GetAZs'"),
        ({"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Gone"}}}, "dependencies [Gone]"),
        ({"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Thing"}}}, "Circular dependency"),
        ({"Type": "AWS::SNS::Topic", "DependsOn": "Gone"}, "Unresolved resource dependencies [Gone]"),
        (
            {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": "Gone.Arn"}}},
            "Template error: instance of Fn::GetAtt references undefined resource Gone",
        ),
        (
            {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": "Other.Odd"}}},
            "resource Other does not support attribute type Odd in Fn::GetAtt",
        ),
    ],
)
def test_what_cannot_be_deployed_fails_the_change_set(deployer: Any, resource: Any, words: str) -> None:
    """Nothing is created, and the reason names the type, property, function or resource."""
    described = deployer.change_set(template(Thing=resource, Other=TOPIC))

    assert described["Status"] == "FAILED"
    assert words in described["StatusReason"]
    deployer.client.delete_stack(StackName=deployer.name)


def test_a_first_change_set_makes_a_stack_in_review(deployer: Any) -> None:
    """Until it is executed the stack holds nothing, and deleting it leaves no trace under its name."""
    described = deployer.change_set(template(Topic=TOPIC))
    deployer.stack_id = described["StackId"]

    assert deployer.stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    with pytest.raises(ClientError, match="GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks"):
        deployer.client.get_template_summary(StackName=deployer.name)
    assert deployer.client.list_stack_resources(StackName=deployer.name)["StackResourceSummaries"] == []
    assert deployer.down() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match=f"Stack with id {deployer.name} does not exist"):
        deployer.client.describe_stacks(StackName=deployer.name)


def test_iam_needs_an_acknowledgement(deployer: Any) -> None:
    """Without the capability there is no change set, and no stack."""
    with pytest.raises(ClientError, match=r"InsufficientCapabilities.*Requires capabilities : .CAPABILITY_IAM"):
        deployer.change_set(template(Role=ROLE), Capabilities=[])
    with pytest.raises(ClientError, match="does not exist"):
        deployer.client.describe_stacks(StackName=deployer.name)


def test_create_stack_of_sam_needs_auto_expand(deployer: Any) -> None:
    """Only a change set shows what a macro made, so without one the caller must say yes beforehand."""
    body = json.dumps({"Transform": "AWS::Serverless-2016-10-31", **template(Topic=TOPIC)})

    with pytest.raises(ClientError, match="CAPABILITY_AUTO_EXPAND"):
        deployer.client.create_stack(StackName=deployer.name, TemplateBody=body)

    described = deployer.change_set(body, Capabilities=[])
    assert described["Status"] == "CREATE_COMPLETE"
    deployer.client.delete_stack(StackName=deployer.name)


def test_a_failing_macro_fails_the_change_set(deployer: Any) -> None:
    """The reason holds the translator's words."""
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./src", "Handler": "h", "Runtime": "r"}}

    described = deployer.change_set({"Transform": "AWS::Serverless-2016-10-31", **template(F=function)})

    assert "Transform AWS::Serverless-2016-10-31 failed with: " in described["StatusReason"]
    deployer.client.delete_stack(StackName=deployer.name)


def test_changes_tell_what_and_why(deployer: Any) -> None:
    """Adds, modifications with and without replacement, and removals, each with its cause."""
    parameters = {"Name": {"Type": "String", "Default": "a"}}
    before = template(
        Kept=TOPIC,
        Renamed={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-${Name}"}}},
        Using={"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::GetAtt": "Renamed.Arn"}}},
        Gone=TOPIC,
    )
    deployer.up({"Parameters": parameters, **before})
    after = {name: item for name, item in before["Resources"].items() if name != "Gone"}

    described = deployer.change_set({"Parameters": parameters, **template(**after, New=TOPIC)}, {"Name": "b"})

    changes = {item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"] for item in described["Changes"]}
    assert {name: item["Action"] for name, item in changes.items()} == {
        "Gone": "Remove",
        "New": "Add",
        "Renamed": "Modify",
        "Using": "Modify",
    }
    assert changes["Gone"]["PolicyAction"] == "Delete"
    assert (changes["Renamed"]["Replacement"], changes["Renamed"]["PolicyAction"]) == ("True", "ReplaceAndDelete")
    sources = [(item["ChangeSource"], item.get("CausingEntity")) for item in changes["Renamed"]["Details"]]
    assert sources == [("ParameterReference", "Name"), ("DirectModification", None)]
    assert changes["Using"]["Details"][0]["CausingEntity"] == "Renamed.Arn"
    assert changes["Using"]["Replacement"] == "False"


def test_values_are_shown_on_request_and_secrets_never(deployer: Any) -> None:
    """IncludePropertyValues shows before and after; a NoEcho parameter is masked in both."""
    parameters = {"Secret": {"Type": "String", "NoEcho": True}}
    secret = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Secret"}}}
    deployer.up({"Parameters": parameters, **template(P=secret)}, {"Secret": "hunter2"})
    created = deployer.change_set({"Parameters": parameters, **template(P=secret, T=TOPIC)}, {"Secret": "swordfish"})

    described = deployer.client.describe_change_set(ChangeSetName=created["ChangeSetId"], IncludePropertyValues=True)

    changes = {item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"] for item in described["Changes"]}
    assert json.loads(changes["T"]["AfterContext"]) == {"Properties": {"DisplayName": "one"}}
    assert json.loads(changes["P"]["AfterContext"]) == {"Properties": {"Type": "String", "Value": "****"}}
    assert "swordfish" not in str(described)
    assert described["Parameters"] == [{"ParameterKey": "Secret", "ParameterValue": "****"}]


def test_use_previous_value_keeps_a_parameter(deployer: Any) -> None:
    """The value of the last deployment is taken again."""
    document = {"Parameters": {"P": {"Type": "String"}}, **template(T=TOPIC), "Outputs": {"P": {"Value": {"Ref": "P"}}}}
    deployer.up(document, {"P": "kept"})
    document["Resources"] = {"T": TOPIC, "U": TOPIC}

    created = deployer.client.create_change_set(
        StackName=deployer.name,
        ChangeSetName="previous",
        TemplateBody=json.dumps(document),
        Parameters=[{"ParameterKey": "P", "UsePreviousValue": True}],
    )
    deployer.client.execute_change_set(ChangeSetName=created["Id"])

    assert deployer.wait() == "UPDATE_COMPLETE"
    assert deployer.outputs == {"P": "kept"}


def test_executing_one_change_set_ends_the_others(deployer: Any) -> None:
    """Change sets computed before an update no longer fit, and cannot be executed."""
    deployer.up(template(A=TOPIC))
    other = deployer.change_set(template(A=TOPIC, B=TOPIC))
    deployer.up(template(A=TOPIC, C=TOPIC))

    with pytest.raises(ClientError, match=r"cannot be executed in its current status of .OBSOLETE"):
        deployer.client.execute_change_set(ChangeSetName=other["ChangeSetId"])


def test_name_is_free_again_once_its_change_set_is_over(deployer: Any) -> None:
    """The old one is found by its id; while it waits its name is taken.

    Source: AWS CloudFormation user guide, "Execute a change set": the change sets of the stack are over with it.
    """
    deployer.up(template(A=TOPIC))
    first = deployer.change_set(template(A=TOPIC, B=TOPIC))
    again = {"StackName": deployer.name, "ChangeSetName": first["ChangeSetName"]}
    body = json.dumps(template(A=TOPIC, C=TOPIC))
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        deployer.client.create_change_set(**again, TemplateBody=body)
    deployer.client.execute_change_set(ChangeSetName=first["ChangeSetId"])
    deployer.wait()

    second = deployer.client.create_change_set(**again, TemplateBody=body)

    described = [
        deployer.client.describe_change_set(**asked)["ChangeSetId"]
        for asked in ({"ChangeSetName": first["ChangeSetId"]}, again)
    ]
    assert described == [first["ChangeSetId"], second["Id"]]


def test_change_sets_are_listed_and_deleted(deployer: Any) -> None:
    """Deleting one twice is no error; describing it is."""
    deployer.up(template(A=TOPIC))
    made = deployer.change_set(template(A=TOPIC, B=TOPIC), Description="more")
    where = {"ChangeSetName": made["ChangeSetName"], "StackName": deployer.name}

    listed = deployer.client.list_change_sets(StackName=deployer.name)["Summaries"]
    assert "more" in [item.get("Description") for item in listed]
    deployer.client.delete_change_set(**where)
    deployer.client.delete_change_set(**where)
    with pytest.raises(ClientError, match=r"ChangeSetNotFound.*does not exist"):
        deployer.client.describe_change_set(**where)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Either Template URL or Template Body must be specified."),
        (
            {"TemplateBody": "{}", "UsePreviousTemplate": True},
            "You cannot specify both usePreviousTemplate and Template",
        ),
        (
            {"TemplateBody": "{}", "ChangeSetName": "a" * 129},
            "'changeSetName' failed to satisfy constraint: Member must",
        ),
        (
            {"TemplateBody": "{}", "StackName": "a_b"},
            "'stackName' failed to satisfy constraint: Member must satisfy reg",
        ),
    ],
)
def test_request_is_looked_at_before_its_stack(deployer: Any, given: dict[str, Any], words: str) -> None:
    """What is wrong with the request itself is told, though there is no such stack."""
    request = {"StackName": deployer.name, "ChangeSetName": "first", "ChangeSetType": "UPDATE"}

    with pytest.raises(ClientError, match=rf"\(ValidationError\).*{words}"):
        deployer.client.create_change_set(**request | given)


def test_a_template_may_lie_in_s3(deployer: Any, aws: Any) -> None:
    """TemplateURL names an object of the account, in the account's own form or AWS's."""
    aws("s3").create_bucket(Bucket="templates-of-a-test")
    body = json.dumps(template(Topic=TOPIC))
    aws("s3").put_object(Bucket="templates-of-a-test", Key="folder/t.json", Body=body)

    own = aws("s3").generate_presigned_url("get_object", {"Bucket": "templates-of-a-test", "Key": "folder/t.json"})

    for url in (
        own.replace("127.0.0.1", "localhost"),
        f"{aws('s3').meta.endpoint_url}/templates-of-a-test/folder/t.json",
        "https://templates-of-a-test.s3.us-east-1.amazonaws.com/folder/t.json",
        "https://s3.amazonaws.com/templates-of-a-test/folder/t.json",
    ):
        assert deployer.client.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::SNS::Topic"]
    with pytest.raises(ClientError, match="TemplateURL must be a supported URL"):
        deployer.client.validate_template(TemplateURL="https://example.com/t.json")
    with pytest.raises(ClientError, match="S3 error: "):
        deployer.client.validate_template(TemplateURL="https://templates-of-a-test.s3.amazonaws.com/absent")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ChangeSetType": "IMPORT"}, "ChangeSetType: 'IMPORT'"),
        ({"IncludeNestedStacks": True}, "IncludeNestedStacks"),
        ({"OnStackFailure": "DELETE"}, "OnStackFailure"),
        ({"NotificationARNs": ["arn:aws:sns:us-east-1:123456789012:t"]}, "NotificationARNs"),
    ],
)
def test_options_that_are_not_heeded_are_refused(deployer: Any, options: dict[str, Any], words: str) -> None:
    """No option is accepted and then passed over."""
    request = {"ChangeSetType": "CREATE", **options}
    with pytest.raises(ClientError, match=f"NotImplemented.*{words}"):
        deployer.client.create_change_set(
            StackName=deployer.name, ChangeSetName="c", TemplateBody=json.dumps(template(T=TOPIC)), **request
        )
