"""A CloudFormation stack of a test's own, driven as deploy.py drives one."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.waiting import wait_for


class Deployer:
    """Deploys a template to the running account, and takes it down."""

    def __init__(self, aws: Callable[[str], Any]) -> None:
        self.aws = aws
        self.client = aws("cloudformation")
        self.name = f"test-{uuid4().hex[:8]}"
        self.stack_id = ""

    def down(self) -> str:
        """Delete the stack and return the status that it ends in."""
        self.client.delete_stack(StackName=self.stack_id)
        return self.wait()

    def wait(self) -> str:
        """Return the status of the stack once nothing is under way."""

        def status() -> str:
            current = str(self._stack()["StackStatus"])
            return "" if current.endswith("_IN_PROGRESS") else current

        return str(wait_for(status, 60, pause_seconds=0.02))

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {item["OutputKey"]: item["OutputValue"] for item in self._stack().get("Outputs", [])}

    def failures(self) -> list[Any]:
        """Return the events of what failed."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.stack_id)
        events = [event for page in pages for event in page["StackEvents"]]
        return [event for event in events if event["ResourceStatus"].endswith("_FAILED")]

    def _stack(self) -> Any:
        return self.client.describe_stacks(StackName=self.stack_id)["Stacks"][0]
