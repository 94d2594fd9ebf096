"""Change sets: what `deploy.py up` is about to do to the stack, shown before it is done."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.errors import StackError
from ops.session import Session
from ops.stack.parameters import Parameters

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, DescribeChangeSetOutputTypeDef

_PLAN_SECONDS = 300.0
# CloudFormation has no code for "nothing to do", only these words in StatusReason.
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed", "There are no changes")


@dataclass(frozen=True)
class Change:
    """One resource that a change set adds, modifies or removes."""

    action: str
    logical_id: str
    resource_type: str
    replacement: str


@dataclass(frozen=True)
class ChangeSet:
    """A change set that waits for a yes."""

    name: str
    stack_id: str
    changes: tuple[Change, ...]


def create(
    session: Session, template_url: str, parameters: Parameters, *, is_new: bool, reverts_drift: bool = False
) -> ChangeSet | None:
    """Create a change set and wait for it; None when nothing would change.

    One that `reverts_drift` compares the template with what is really there, and makes anew what was deleted by hand.

    Raises:
        StackError: CloudFormation refused it, with its reason.
    """
    kind: ChangeSetTypeType = "CREATE" if is_new else "UPDATE"
    mode: Any = {"DeploymentMode": "REVERT_DRIFT"} if reverts_drift else {}
    made = session.cloudformation.create_change_set(
        StackName=session.stack_name,
        ChangeSetName=f"deploy-{int(time.time())}-{secrets.token_hex(3)}",
        ChangeSetType=kind,
        TemplateURL=template_url,
        Parameters=parameters.request(),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Tags=[{"Key": "product", "Value": "retriever"}],
        **mode,
    )
    described = _wait(session, made["Id"])
    if described["Status"] == "FAILED":
        session.cloudformation.delete_change_set(ChangeSetName=made["Id"])
        reason = described.get("StatusReason", "no reason given")
        if any(words in reason for words in _NO_CHANGE):
            return None
        raise StackError(f"change set of stack {session.stack_name!r}: refused: {reason}; correct it and run again")
    return ChangeSet(made["Id"], described["StackId"], tuple(_changes(session, described)))


def execute(session: Session, change_set: ChangeSet) -> None:
    """Start to carry out `change_set`."""
    session.cloudformation.execute_change_set(ChangeSetName=change_set.name)


def discard(session: Session, change_set: ChangeSet) -> None:
    """Delete `change_set` without carrying it out."""
    session.cloudformation.delete_change_set(ChangeSetName=change_set.name)


def _wait(session: Session, change_set_id: str) -> DescribeChangeSetOutputTypeDef:
    deadline = time.monotonic() + _PLAN_SECONDS
    while time.monotonic() < deadline:
        described = session.cloudformation.describe_change_set(ChangeSetName=change_set_id)
        if described["Status"] in {"CREATE_COMPLETE", "FAILED"}:
            return described
        time.sleep(session.poll_seconds)
    raise StackError(f"change set of stack {session.stack_name!r}: not ready after {_PLAN_SECONDS:.0f} s; run again")


def _changes(session: Session, described: DescribeChangeSetOutputTypeDef) -> list[Change]:
    entries: list[ChangeTypeDef] = list(described.get("Changes", []))
    token = described.get("NextToken")
    while token:
        page = session.cloudformation.describe_change_set(ChangeSetName=described["ChangeSetId"], NextToken=token)
        entries += page.get("Changes", [])
        token = page.get("NextToken")
    return [_change(entry) for entry in entries if "ResourceChange" in entry]


def _change(entry: ChangeTypeDef) -> Change:
    resource = entry["ResourceChange"]
    return Change(
        action=resource.get("Action", ""),
        logical_id=resource.get("LogicalResourceId", ""),
        resource_type=resource.get("ResourceType", ""),
        replacement=resource.get("Replacement", "") if resource.get("Action") == "Modify" else "",
    )
