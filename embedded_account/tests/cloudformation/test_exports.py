"""Values that one stack exports and others import."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from support.stacks import Deployer, taken_down

TOPIC: dict[str, Any] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
NAME = {"Fn::Sub": "${AWS::StackName}:${Part}"}


@pytest.fixture
def importer(aws: Callable[[str], Any]) -> Iterator[Deployer]:
    """Give a second stack, which is deleted before the first."""
    yield from taken_down(aws)


def exporting(display_name: str = "one", *, name: Any = NAME) -> dict[str, Any]:
    """Return a template that exports the display name of its topic."""
    return {
        "Parameters": {"Part": {"Type": "String", "Default": "title"}},
        "Resources": {"Topic": TOPIC},
        "Outputs": {"Title": {"Value": display_name, "Export": {"Name": name}}},
    }


def importing(name: Any) -> dict[str, Any]:
    """Return a template whose queue has the tag that an export says."""
    tags = [{"Key": "title", "Value": {"Fn::ImportValue": name}}]
    return {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": tags}}},
        "Outputs": {"Title": {"Value": {"Fn::ImportValue": name}}},
    }


def test_another_stack_gets_what_is_exported(deployer: Deployer, importer: Deployer) -> None:
    """The name is made of parameters; the value reaches properties and outputs, and both sides are listed."""
    deployer.up(exporting())
    name = f"{deployer.name}:title"

    assert importer.up(importing({"Fn::Sub": f"{deployer.name}:title"})) == "CREATE_COMPLETE"

    tags = importer.aws("sqs").list_queue_tags(QueueUrl=importer.physical_id("Queue"))["Tags"]
    assert (tags["title"], importer.outputs) == ("one", {"Title": "one"})
    assert deployer.stack["Outputs"] == [{"OutputKey": "Title", "OutputValue": "one", "ExportName": name}]
    exports = [item for page in pages(deployer, "list_exports") for item in page["Exports"]]
    assert {"ExportingStackId": deployer.stack_id, "Name": name, "Value": "one"} in exports
    assert deployer.client.list_imports(ExportName=name)["Imports"] == [importer.name]


def test_stack_is_not_deleted_while_its_export_is_in_use(deployer: Deployer, importer: Deployer) -> None:
    """The deletion is given up, which an event tells; once nobody imports, it is carried out."""
    deployer.up(exporting())
    importer.up(importing(f"{deployer.name}:title"))

    assert deployer.down() == "CREATE_COMPLETE"

    reason = f"Export {deployer.name}:title cannot be deleted as it is in use by {importer.name}"
    assert deployer.events()[-1]["ResourceStatusReason"] == reason
    assert importer.down() == "DELETE_COMPLETE"
    assert deployer.down() == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("changed", "verb"), [(exporting("two"), "updated"), ({"Resources": {"Topic": TOPIC}}, "deleted")]
)
def test_export_in_use_keeps_its_value(
    deployer: Deployer, importer: Deployer, changed: dict[str, Any], verb: str
) -> None:
    """An update that would change or remove it is rolled back, and the value stays."""
    deployer.up(exporting())
    importer.up(importing(f"{deployer.name}:title"))

    assert deployer.up(changed) == "UPDATE_ROLLBACK_COMPLETE"

    reasons = " ".join(event.get("ResourceStatusReason", "") for event in deployer.events())
    assert f"Export {deployer.name}:title cannot be {verb} as it is in use by {importer.name}" in reasons
    assert deployer.outputs == {"Title": "one"}


def test_export_that_nobody_imports_can_change(deployer: Deployer) -> None:
    """It is an output like any other then, and its name is its own change."""
    deployer.up(exporting())

    assert deployer.up(exporting(name=f"{deployer.name}:other")) == "UPDATE_COMPLETE"

    assert deployer.stack["Outputs"][0]["ExportName"] == f"{deployer.name}:other"
    with pytest.raises(ClientError, match=rf"Export '{deployer.name}:other' is not imported by any stack\."):
        deployer.client.list_imports(ExportName=f"{deployer.name}:other")


def test_missing_export_fails_the_change_set(deployer: Deployer) -> None:
    """It says which one there is not."""
    described = deployer.change_set(importing("nobody:title"))

    assert (described["Status"], described["StatusReason"]) == ("FAILED", "No export named nobody:title found")
    deployer.client.delete_stack(StackName=described["StackId"])


def test_missing_export_rolls_a_creation_back(aws: Callable[[str], Any]) -> None:
    """Without a change set the stack begins, and makes nothing."""
    stack = Deployer(aws)
    stack.stack_id = stack.client.create_stack(
        StackName=stack.name, TemplateBody=json.dumps(importing("nobody:title"))
    )["StackId"]

    assert stack.wait() == "ROLLBACK_COMPLETE"
    reasons = [event.get("ResourceStatusReason") for event in stack.events()]
    assert "No export named nobody:title found. Rollback requested by user." in reasons
    assert {event["ResourceType"] for event in stack.events()} == {"AWS::CloudFormation::Stack"}
    stack.down()


def test_name_is_exported_once_in_a_region(deployer: Deployer, importer: Deployer) -> None:
    """The second stack that would export it is rolled back."""
    name = f"shared-{uuid4().hex[:8]}"
    deployer.up(exporting(name=name))

    assert importer.up(exporting("two", name=name)) == "ROLLBACK_COMPLETE"

    reasons = " ".join(event.get("ResourceStatusReason", "") for event in importer.events())
    assert f"Export with name {name} is already exported by stack {deployer.name}" in reasons


@pytest.mark.parametrize("name", [{"Ref": "Topic"}, {"Fn::GetAtt": ["Topic", "TopicName"]}, {"Fn::ImportValue": "x"}])
def test_name_of_an_export_depends_on_no_resource(deployer: Deployer, name: dict[str, Any]) -> None:
    """It is to be known before the deployment."""
    described = deployer.change_set(exporting(name=name))

    assert described["Status"] == "FAILED"
    assert "Output Title is malformed" in described["StatusReason"]
    deployer.client.delete_stack(StackName=described["StackId"])


def test_name_of_an_import_depends_on_no_resource(deployer: Deployer) -> None:
    """Which stacks import an export is to be known before they are deployed."""
    template = importing({"Ref": "Topic"})
    template["Resources"]["Topic"] = TOPIC

    described = deployer.change_set(template)

    assert "the attribute in Fn::ImportValue must not depend on any resources" in described["StatusReason"]
    deployer.client.delete_stack(StackName=described["StackId"])


def test_exports_come_in_pages(deployer: Deployer) -> None:
    """A hundred a page, as on AWS."""
    outputs = {f"O{n}": {"Value": str(n), "Export": {"Name": f"{deployer.name}:{n:03}"}} for n in range(101)}
    deployer.up({"Resources": {"Topic": TOPIC}, "Outputs": outputs})

    listed = pages(deployer, "list_exports")

    assert len(listed[0]["Exports"]) == 100
    names = [item["Name"] for page in listed for item in page["Exports"]]
    assert {f"{deployer.name}:{n:03}" for n in range(101)} <= set(names)


def pages(deployer: Deployer, operation: str) -> list[Any]:
    """Return the pages of a list operation."""
    return list(deployer.client.get_paginator(operation).paginate())
