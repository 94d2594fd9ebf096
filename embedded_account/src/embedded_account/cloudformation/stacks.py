"""Stacks and change sets: what they are, what happened to them, and where they are found."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from embedded_account.clock import Clock
from embedded_account.cloudformation.templates import Template
from embedded_account.errors import ServiceError

STACK_TYPE = "AWS::CloudFormation::Stack"
KEEPING = frozenset({"Retain", "RetainExceptOnCreate"})  # the policies that keep a resource which was created well


@dataclass
class StackResource:
    """A resource as it was deployed: `properties` are the values it was given."""

    logical_id: str
    type_name: str
    physical_id: str
    properties: dict[str, Any]
    dependencies: frozenset[str]
    deletion_policy: str
    update_replace_policy: str
    attributes: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    status_reason: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True)
class StackEvent:
    """One line of a stack's history."""

    event_id: str
    logical_id: str
    physical_id: str
    type_name: str
    status: str
    reason: str
    at: datetime
    properties: dict[str, Any] | None = None
    token: str = ""


@dataclass
class ChangeSet:
    """What a template would change, computed and waiting to be carried out."""

    change_set_id: str
    name: str
    stack_id: str
    created_at: datetime
    description: str
    capabilities: list[str]
    tags: list[dict[str, str]]
    role_arn: str
    template: Template | None = None
    changes: list[Any] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    status_reason: str = ""
    execution_status: str = "AVAILABLE"
    kind: str = "UPDATE"
    deleted: frozenset[str] = frozenset()  # what somebody has deleted, and a drift-aware change set makes anew


@dataclass(frozen=True)
class Stable:
    """What a stack was before an update that has not ended well: a rollback goes back to it."""

    template: Template | None
    capabilities: list[str]
    tags: list[dict[str, str]]
    outputs: list[dict[str, str]]
    description: str
    resources: dict[str, StackResource]


@dataclass
class Stack:
    """A stack. `template` is that of the last deployment that succeeded; None while there was none."""

    name: str
    stack_id: str
    clock: Clock
    created_at: datetime
    status: str
    status_reason: str = ""
    description: str = ""
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    template: Template | None = None
    capabilities: list[str] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    role_arn: str = ""
    change_set_id: str = ""
    token: str = ""
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    stable: Stable | None = None
    leftover: list[StackResource] = field(default_factory=list)  # what a rollback that failed has still to delete
    is_protected: bool = False

    def enter(self, status: str, reason: str = "") -> None:
        """Change the stack's own status, and note it among the events."""
        self.status, self.status_reason = status, reason
        now = self.clock.now()
        self.events.append(
            StackEvent(str(uuid.uuid4()), self.name, self.stack_id, STACK_TYPE, status, reason, now, token=self.token)
        )

    def note(self, resource: StackResource, status: str, reason: str = "", *, physical_id: str | None = None) -> None:
        """Change a resource's status, and note it among the events."""
        resource.status, resource.status_reason, resource.updated_at = status, reason, self.clock.now()
        self.events.append(
            StackEvent(
                f"{resource.logical_id}-{status}-{uuid.uuid4()}",
                resource.logical_id,
                resource.physical_id if physical_id is None else physical_id,
                resource.type_name,
                status,
                reason,
                resource.updated_at,
                resource.properties,
                self.token,
            )
        )

    def keep_stable(self) -> None:
        """Note what the stack is now, before an update changes it."""
        self.stable = Stable(
            self.template, self.capabilities, self.tags, self.outputs, self.description, dict(self.resources)
        )

    def take_back(self) -> None:
        """Describe the stack as it was before the update that failed; its resources are left as they are."""
        if self.stable:
            self.template, self.capabilities, self.tags = (
                self.stable.template,
                self.stable.capabilities,
                self.stable.tags,
            )
            self.outputs, self.description = self.stable.outputs, self.stable.description

    @property
    def is_busy(self) -> bool:
        """Whether a deployment or deletion is under way; a stack in review is not busy."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the last deployment."""
        return dict(self.template.parameters) if self.template else {}


class Stacks:
    """All stacks of the account. A deleted one is found by its id only."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._by_id: dict[str, Stack] = {}

    def add(self, stack: Stack) -> None:
        """Make `stack` known."""
        self._by_id[stack.stack_id] = stack

    def restore(self, stacks: Iterable[Stack]) -> None:
        """Take back the stacks of an account that has ended; a deployment that was under way has failed."""
        for stack in stacks:
            self.add(stack)
            if stack.is_busy:
                stack.enter(_interrupted(stack.status), "the embedded account ended while this was under way")

    def remove(self, stack: Stack) -> None:
        """Forget `stack`, as if it had never been."""
        self._by_id.pop(stack.stack_id, None)

    def all(self) -> list[Stack]:
        """Return every stack, the newest first, deleted ones too."""
        return sorted(self._by_id.values(), key=lambda stack: stack.created_at, reverse=True)

    def find(self, name: str) -> Stack | None:
        """Return the stack of a name or id; None when there is none."""
        if name in self._by_id:
            return self._by_id[name]
        live = (stack for stack in self.all() if stack.status != "DELETE_COMPLETE")
        return next((stack for stack in live if stack.name == name), None)

    def get(self, name: str, message: str = "Stack [{}] does not exist") -> Stack:
        """Return the stack of a name or id.

        Raises:
            ServiceError: there is none; the words differ between CloudFormation's operations.
        """
        stack = self.find(name)
        if stack is None:
            raise ServiceError("ValidationError", message.format(name))
        return stack

    def change_set(self, name: str, stack_name: str = "") -> tuple[Stack, ChangeSet]:
        """Return a change set, by its id, or by its name and its stack, and that stack.

        Raises:
            ServiceError: there is none, or a name came without a stack.
        """
        if name.startswith("arn:"):
            for stack in self.all():
                for change_set in stack.change_sets.values():
                    if change_set.change_set_id == name:
                        return stack, change_set
        elif not stack_name:
            raise ServiceError("ValidationError", "StackName must be specified if ChangeSetName is not specified as an ARN.")  # noqa: E501  # fmt: skip
        else:
            stack = self.get(stack_name)
            if name in stack.change_sets:
                return stack, stack.change_sets[name]
        raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")


def _interrupted(status: str) -> str:
    """Return the status of a stack whose change was cut short; cleaning up comes after the change has succeeded."""
    begun = status.removesuffix("_IN_PROGRESS")
    return begun.removesuffix("_CLEANUP") if begun.endswith("_CLEANUP") else f"{begun}_FAILED"


def event_view(stack: Stack, event: StackEvent) -> dict[str, Any]:
    """Return an event as DescribeStackEvents shows it."""
    view: dict[str, Any] = {
        "StackId": stack.stack_id,
        "EventId": event.event_id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type_name,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
    }
    if event.reason:
        view["ResourceStatusReason"] = event.reason
    if event.properties is not None:
        view["ResourceProperties"] = json.dumps(event.properties)
    if event.token:
        view["ClientRequestToken"] = event.token
    return view


def tag_map(tags: Iterable[dict[str, str]]) -> dict[str, str]:
    """Return a list of tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}
