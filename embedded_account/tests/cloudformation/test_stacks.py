"""Tests of stacks against a running account: created, updated, rolled back and deleted."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TOPIC: dict[str, Any] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
# An alarm action that no account has: the template is well formed, and the service refuses it.
BROKEN: dict[str, Any] = {
    "Type": "AWS::SNS::Subscription",
    "DependsOn": "Topic",
    "Properties": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:absent", "Protocol": "email", "Endpoint": "a@b.cc"},
}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def topic(display_name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display_name}, **more}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def attributes(deployer: Any, arn: str) -> dict[str, str]:
    attributes: dict[str, str] = deployer.aws("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return attributes


def test_a_stack_is_created_shown_and_deleted(deployer: Any) -> None:
    """Resources exist with their values, outputs and tags are shown, and nothing stays."""
    document = template(Topic=TOPIC) | {
        "Description": "a test",
        "Outputs": {"Arn": {"Value": {"Ref": "Topic"}, "Description": "the topic"}},
    }

    status = deployer.up(document, Tags=[{"Key": "product", "Value": "example"}])

    stack, arn = deployer.stack, deployer.outputs["Arn"]
    assert (status, stack["Description"]) == ("CREATE_COMPLETE", "a test")
    assert stack["Outputs"] == [{"OutputKey": "Arn", "OutputValue": arn, "Description": "the topic"}]
    assert attributes(deployer, arn)["DisplayName"] == "one"
    tags = deployer.aws("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "product", "Value": "example"}]
    assert deployer.down() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="NotFound"):
        attributes(deployer, arn)


def test_events_are_those_of_aws(deployer: Any) -> None:
    """The order and words that a person knows from the console."""
    deployer.up(template(Topic=TOPIC))
    deployer.down()

    assert deployer.statuses(deployer.name) == [
        "REVIEW_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]
    events = deployer.events("Topic")
    assert [(event["ResourceStatus"], event.get("ResourceStatusReason")) for event in events] == [
        ("CREATE_IN_PROGRESS", None),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_COMPLETE", None),
        ("DELETE_IN_PROGRESS", None),
        ("DELETE_COMPLETE", None),
    ]
    assert events[0]["PhysicalResourceId"] == ""
    assert events[1]["PhysicalResourceId"].startswith("arn:aws:sns:us-east-1:123456789012:")
    assert json.loads(events[0]["ResourceProperties"]) == {"DisplayName": "one"}


def test_a_failed_creation_is_rolled_back(deployer: Any) -> None:
    """What was created is deleted, the rest never begun; the reason names resource, service and fault."""
    status = deployer.up(template(Topic=TOPIC, Bad=BROKEN, Late=topic("late", DependsOn="Bad")))

    assert status == "ROLLBACK_COMPLETE"
    assert deployer.statuses("Topic")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert deployer.statuses("Bad") == ["CREATE_IN_PROGRESS", "CREATE_FAILED"]
    assert deployer.statuses("Late") == []
    reason = deployer.events("Bad")[-1]["ResourceStatusReason"]
    assert reason.startswith('Resource handler returned message: "')
    assert "(Service: SNS, Status Code: 404, " in reason
    assert "HandlerErrorCode: NotFound)" in reason
    rolled = [item for item in deployer.events(deployer.name) if item["ResourceStatus"] == "ROLLBACK_IN_PROGRESS"]
    assert rolled[0]["ResourceStatusReason"] == (
        "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    )
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        deployer.change_set(template(Topic=TOPIC))


def test_what_failed_half_way_is_deleted_too(deployer: Any) -> None:
    """A role that exists but cannot get a policy is not left behind."""
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    absent = "arn:aws:iam::123456789012:policy/absent"
    properties = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [absent]}

    status = deployer.up(template(Role={"Type": "AWS::IAM::Role", "Properties": properties}))

    assert status == "ROLLBACK_COMPLETE"
    assert deployer.statuses("Role")[2:] == ["CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        deployer.aws("iam").get_role(RoleName=deployer.events("Role")[1]["PhysicalResourceId"])


def test_a_failed_update_restores_what_it_changed(deployer: Any) -> None:
    """Old values, old resources and old outputs; what the update made is gone again."""
    outputs = {"Outputs": {"Name": {"Value": {"Fn::GetAtt": "Queue.QueueName"}}}}
    deployer.up(template(Topic=topic("old"), Queue=queue(QueueName="old-queue")) | outputs)
    arn = deployer.physical_id("Topic")

    changed = template(Topic=topic("new"), Queue=queue(QueueName="new-queue"), New=queue(QueueName="n"), Bad=BROKEN)
    changed["Resources"]["Bad"]["DependsOn"] = ["Topic", "Queue", "New"]
    status = deployer.up(changed | outputs)

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(deployer, arn)["DisplayName"] == "old"
    urls = deployer.aws("sqs").list_queues()["QueueUrls"]
    names = {url.rpartition("/")[2] for url in urls}
    assert "old-queue" in names
    assert not names & {"new-queue", "n"}
    assert deployer.outputs == {"Name": "old-queue"}
    assert deployer.statuses(deployer.name)[-4:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert deployer.statuses("Topic")[-4:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"] * 2
    assert deployer.up(template(Topic=topic("third"), Queue=queue(QueueName="old-queue"))) == "UPDATE_COMPLETE"


def test_a_replacement_is_created_before_the_old_one_is_deleted(deployer: Any) -> None:
    """Users of the resource move to the new one, then the old one goes."""
    user = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::GetAtt": "Queue.QueueName"}}}
    deployer.up(template(Queue=queue(QueueName="first"), User=user))

    assert deployer.up(template(Queue=queue(QueueName="second"), User=user)) == "UPDATE_COMPLETE"

    order = [(item["LogicalResourceId"], item["ResourceStatus"]) for item in deployer.events()]
    assert order.index(("User", "UPDATE_COMPLETE")) < order.index(("Queue", "DELETE_IN_PROGRESS"))
    assert order.index(("Queue", "UPDATE_COMPLETE")) < order.index(("User", "UPDATE_IN_PROGRESS"))
    value = deployer.aws("ssm").get_parameter(Name=deployer.physical_id("User"))["Parameter"]["Value"]
    assert value == "second"
    with pytest.raises(ClientError, match="NonExistentQueue"):
        deployer.aws("sqs").get_queue_url(QueueName="first")


def test_a_named_resource_cannot_be_replaced_under_its_name(deployer: Any) -> None:
    """CloudFormation's own advice is given: rename it; the resource stays as it was."""
    deployer.up(template(Queue=queue(QueueName="same.fifo", FifoQueue=True), Topic=TOPIC))

    status = deployer.up(template(Queue=queue(QueueName="same.fifo"), Topic=TOPIC))

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    failed = next(item for item in deployer.events("Queue") if item["ResourceStatus"] == "UPDATE_FAILED")
    assert "Rename same.fifo and update the stack again." in failed["ResourceStatusReason"]
    assert deployer.aws("sqs").get_queue_url(QueueName="same.fifo")["QueueUrl"] == deployer.physical_id("Queue")


def test_a_retained_bucket_stays_and_a_full_one_keeps_the_stack(deployer: Any) -> None:
    """DeletionPolicy Retain skips the deletion; without it a bucket with objects makes it fail, in S3's words."""
    bucket = {"Type": "AWS::S3::Bucket"}
    deployer.up(template(Kept=bucket | {"DeletionPolicy": "Retain"}, Full=bucket))
    kept, full = deployer.physical_id("Kept"), deployer.physical_id("Full")
    deployer.aws("s3").put_object(Bucket=full, Key="a", Body=b"")

    assert deployer.down() == "DELETE_FAILED"

    assert deployer.stack["StackStatusReason"] == "The following resource(s) failed to delete: [Full]. "
    assert "The bucket you tried to delete is not empty" in deployer.events("Full")[-1]["ResourceStatusReason"]
    assert deployer.statuses("Kept")[-1] == "DELETE_SKIPPED"
    assert deployer.down(RetainResources=["Full"]) == "DELETE_COMPLETE"
    names = {item["Name"] for item in deployer.aws("s3").list_buckets()["Buckets"]}
    assert {kept, full} <= names


def test_retain_except_on_create_keeps_what_was_created_well(deployer: Any) -> None:
    """It keeps a resource like Retain, but a creation that is rolled back deletes it.

    Source: CloudFormation template reference, "DeletionPolicy attribute".
    """
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"}

    assert deployer.up(template(Kept=bucket, Bad=BROKEN | {"DependsOn": "Kept"})) == "ROLLBACK_COMPLETE"
    assert deployer.statuses("Kept")[-1] == "DELETE_COMPLETE"
    assert deployer.down() == "DELETE_COMPLETE"

    deployer.stack_id = ""
    deployer.name = f"{deployer.name}-again"
    assert deployer.up(template(Kept=bucket)) == "CREATE_COMPLETE"
    assert deployer.down() == "DELETE_COMPLETE"
    assert deployer.statuses("Kept")[-1] == "DELETE_SKIPPED"


def test_what_a_dependent_needs_is_deleted_after_it(deployer: Any) -> None:
    """Deletion goes against the dependencies."""
    deployer.up(template(A=TOPIC, B=topic("b", DependsOn="A"), C=topic("c", DependsOn=["A", "B"])))
    deployer.down()

    deleted = [item["LogicalResourceId"] for item in deployer.events() if item["ResourceStatus"] == "DELETE_COMPLETE"]
    assert deleted == ["C", "B", "A", deployer.name]


def test_a_condition_adds_and_removes_a_resource(deployer: Any) -> None:
    """A parameter decides whether a resource exists."""
    document = {
        "Parameters": {"More": {"Type": "String", "Default": "no", "AllowedValues": ["yes", "no"]}},
        "Conditions": {"More": {"Fn::Equals": [{"Ref": "More"}, "yes"]}},
        **template(Topic=TOPIC, Extra=topic("extra", Condition="More")),
        "Outputs": {"Extra": {"Condition": "More", "Value": {"Ref": "Extra"}}},
    }

    deployer.up(document)
    assert deployer.outputs == {}
    deployer.up(document, {"More": "yes"})
    arn = deployer.outputs["Extra"]
    deployer.up(document, {"More": "no"})

    assert deployer.outputs == {}
    with pytest.raises(ClientError, match="NotFound"):
        attributes(deployer, arn)


def test_dropping_a_retained_resource_leaves_it(deployer: Any) -> None:
    """A resource that leaves the template obeys its own DeletionPolicy."""
    deployer.up(template(Topic=TOPIC, Kept=topic("kept", DeletionPolicy="Retain")))
    arn = deployer.physical_id("Kept")

    deployer.up(template(Topic=TOPIC))

    assert attributes(deployer, arn)["DisplayName"] == "kept"
    deployer.aws("sns").delete_topic(TopicArn=arn)


def test_create_and_update_without_change_sets(deployer: Any) -> None:
    """CreateStack and UpdateStack do the same in one step, waiters see the end."""
    created = deployer.client.create_stack(StackName=deployer.name, TemplateBody=json.dumps(template(Topic=TOPIC)))
    deployer.stack_id = created["StackId"]
    deployer.wait()
    deployer.client.get_waiter("stack_create_complete").wait(StackName=deployer.name)
    deployer.client.update_stack(StackName=deployer.name, TemplateBody=json.dumps(template(Topic=topic("two"))))
    deployer.wait()
    deployer.client.get_waiter("stack_update_complete").wait(StackName=deployer.name)

    assert attributes(deployer, deployer.physical_id("Topic"))["DisplayName"] == "two"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        deployer.client.update_stack(StackName=deployer.name, UsePreviousTemplate=True)
    with pytest.raises(ClientError, match=f"AlreadyExistsException.*Stack .{deployer.name}. already exists"):
        deployer.client.create_stack(StackName=deployer.name, TemplateBody=json.dumps(template(Topic=TOPIC)))
    deployer.down()
    deployer.client.get_waiter("stack_delete_complete").wait(StackName=deployer.name)


def test_templates_are_returned_as_given_and_as_processed(deployer: Any) -> None:
    """The processed one has the macros carried out."""
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "InlineCode": "def handler(event, context): ...",
            "Handler": "index.handler",
            "Runtime": "python3.11",
        },
    }
    document = {"Transform": "AWS::Serverless-2016-10-31", **template(F=function)}
    change_set = deployer.change_set(document)
    where = {"ChangeSetName": change_set["ChangeSetId"]}

    original = deployer.client.get_template(**where)["TemplateBody"]
    processed = deployer.client.get_template(**where, TemplateStage="Processed")["TemplateBody"]

    assert original == document
    assert processed["Resources"]["F"]["Type"] == "AWS::Lambda::Function"
    deployer.client.delete_stack(StackName=deployer.name)


def test_what_does_not_exist_is_said_in_awss_words(deployer: Any) -> None:
    """Each operation has its own sentence; deleting what is not there is no error."""
    client, name = deployer.client, deployer.name

    client.delete_stack(StackName=name)
    body, minimal = {"TemplateBody": "{}"}, {"StackName": name}
    for operation, options, words in (
        ("describe_stacks", minimal, f"Stack with id {name} does not exist"),
        ("describe_stack_events", minimal, rf"Stack \[{name}\] does not exist"),
        ("update_stack", minimal | body, rf"Stack \[{name}\] does not exist"),
        ("list_stack_resources", minimal, f"Stack with id {name} does not exist"),
        ("create_stack", {"StackName": "1x"} | body, "at 'stackName' failed to satisfy constraint"),
        ("create_stack", minimal | body, "At least one Resources member"),
        ("create_stack", minimal, "Either Template URL or Template Body must be specified"),
        ("cancel_update_stack", minimal, "NotImplemented"),
    ):
        with pytest.raises(ClientError, match=words):
            getattr(client, operation)(**options)


def test_a_stack_is_listed_until_and_after_its_end(deployer: Any) -> None:
    """ListStacks knows deleted stacks, DescribeStacks without a name does not; its resources are listed."""
    deployer.up(template(Topic=TOPIC))
    listed = deployer.client.describe_stack_resources(StackName=deployer.name)["StackResources"]
    assert [(item["LogicalResourceId"], item["ResourceStatus"]) for item in listed] == [("Topic", "CREATE_COMPLETE")]
    with pytest.raises(ClientError, match=f"Resource Odd does not exist for stack {deployer.name}"):
        deployer.client.describe_stack_resource(StackName=deployer.name, LogicalResourceId="Odd")
    deployer.down()

    deleted = deployer.client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert deployer.stack_id in [item["StackId"] for item in deleted]
    assert deployer.stack_id not in [item["StackId"] for item in deployer.client.describe_stacks()["Stacks"]]


def test_a_long_history_comes_in_pages(deployer: Any) -> None:
    """Pages of 100 events, each event once, newest first."""
    deployer.up(template(**{f"Topic{index}": TOPIC for index in range(40)}))

    pages = list(deployer.client.get_paginator("describe_stack_events").paginate(StackName=deployer.name))

    ids = [event["EventId"] for page in pages for event in page["StackEvents"]]
    assert len(ids) == len(set(ids)) == 3 + 3 * 40
    assert [len(page["StackEvents"]) for page in pages] == [100, 23]


def test_what_a_template_declares_is_summed_up(deployer: Any) -> None:
    """Parameters with their constraints, types, capabilities and macros."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {}}}
    body = json.dumps(
        {
            "Description": "d",
            "Transform": "AWS::Serverless-2016-10-31",
            "Parameters": {"P": {"Type": "Number", "Default": 1, "AllowedValues": [1, 2], "Description": "p"}},
            **template(Role=role),
        }
    )

    summary = deployer.client.get_template_summary(TemplateBody=body)
    validated = deployer.client.validate_template(TemplateBody=body)

    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["1", "2"]}
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    assert "Version" not in summary
    for answer in (summary, validated):
        assert answer["Capabilities"] == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
        assert answer["DeclaredTransforms"] == ["AWS::Serverless-2016-10-31"]
    assert validated["Parameters"] == [{"ParameterKey": "P", "DefaultValue": "1", "NoEcho": False, "Description": "p"}]


def test_summary_has_the_type_of_each_resource(deployer: Any) -> None:
    """Two topics are two types, and what a template does not declare is left out.

    Source: AWS CLI command reference, get-template-summary: its example.
    """
    body = json.dumps(template(A={"Type": "AWS::SNS::Topic"}, B={"Type": "AWS::SNS::Topic"}))

    summary = deployer.client.get_template_summary(TemplateBody=body)

    assert summary["ResourceTypes"] == ["AWS::SNS::Topic", "AWS::SNS::Topic"]
    assert not {"Capabilities", "DeclaredTransforms"} & summary.keys()
