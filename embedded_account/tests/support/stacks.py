"""Deploys templates to the running account, and takes down what a test leaves."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from support.waiting import eventually

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class Deployer:
    """A stack of a test, driven by change sets."""

    def __init__(self, aws: Callable[[str], Any]) -> None:
        self.aws = aws
        self.client = aws("cloudformation")
        self.name = f"test-{uuid4().hex[:8]}"
        self.stack_id = ""

    def change_set(
        self, template: dict[str, Any] | str, parameters: dict[str, str] | None = None, **options: Any
    ) -> Any:
        """Create a change set and return its description; of type CREATE while there is no stack."""
        options.setdefault("Capabilities", CAPABILITIES)
        created = self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"c-{uuid4().hex[:8]}",
            ChangeSetType="UPDATE" if self.stack_id else "CREATE",
            TemplateBody=template if isinstance(template, str) else json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": text} for key, text in (parameters or {}).items()],
            **options,
        )
        return self.client.describe_change_set(ChangeSetName=created["Id"])

    def up(self, template: dict[str, Any] | str, parameters: dict[str, str] | None = None, **options: Any) -> str:
        """Carry a template out and return the status that the stack ends in."""
        described = self.change_set(template, parameters, **options)
        assert described["Status"] == "CREATE_COMPLETE", described.get("StatusReason")
        self.stack_id = described["StackId"]
        self.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
        return self.wait()

    def down(self, **options: Any) -> str:
        """Delete the stack and return the status that it ends in."""
        self.client.delete_stack(StackName=self.stack_id, **options)
        return self.wait()

    def wait(self) -> str:
        """Return the status of the stack once nothing is under way."""
        eventually(lambda: not str(self.stack["StackStatus"]).endswith("_IN_PROGRESS"), what="the end of the operation")
        return str(self.stack["StackStatus"])

    @property
    def stack(self) -> Any:
        """The stack's description."""
        return self.client.describe_stacks(StackName=self.stack_id)["Stacks"][0]

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {item["OutputKey"]: item["OutputValue"] for item in self.stack.get("Outputs", [])}

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of a resource."""
        resource = self.client.describe_stack_resource(StackName=self.stack_id, LogicalResourceId=logical_id)
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def events(self, logical_id: str | None = None) -> list[Any]:
        """Return the events of one resource, or of all, oldest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.stack_id)
        events = [event for page in pages for event in page["StackEvents"]]
        return [event for event in reversed(events) if logical_id in (None, event["LogicalResourceId"])]

    def statuses(self, logical_id: str) -> list[str]:
        """Return the statuses that a resource went through."""
        return [event["ResourceStatus"] for event in self.events(logical_id)]


def taken_down(aws: Callable[[str], Any]) -> Iterator[Deployer]:
    """Yield a stack that does not exist yet; it is deleted afterwards."""
    made = Deployer(aws)
    yield made
    if made.stack_id:
        made.down()
