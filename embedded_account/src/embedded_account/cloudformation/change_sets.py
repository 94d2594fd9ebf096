"""CreateChangeSet, DescribeChangeSet, ExecuteChangeSet, DeleteChangeSet and ListChangeSets."""

import uuid
from typing import Any

from embedded_account.account import Account
from embedded_account.cloudformation.deployment import deleted_resources
from embedded_account.cloudformation.errors import TemplateError
from embedded_account.cloudformation.exports import Exports
from embedded_account.cloudformation.operate import Operator
from embedded_account.cloudformation.plan import NO_CHANGE, change_view, make_plan
from embedded_account.cloudformation.requests import Request, check_source, new_stack_id, template_of
from embedded_account.cloudformation.stacks import ChangeSet, Stack, Stacks, tag_map
from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import refuse

_OVER = frozenset({"EXECUTE_COMPLETE", "EXECUTE_FAILED", "OBSOLETE"})
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


class ChangeSetOperations:
    """The operations on change sets."""

    def __init__(self, account: Account, stacks: Stacks, operator: Operator, exports: Exports) -> None:
        self._account = account
        self._stacks = stacks
        self._exports = exports
        self._operator = operator

    def create_change_set(self, request: Request) -> dict[str, Any]:
        """Compute what a template would change; the change set is FAILED when that cannot be deployed."""
        kind = request.get("ChangeSetType", "UPDATE")
        refuse("CreateChangeSet", {"ChangeSetType": kind}, {"ChangeSetType": ("CREATE", "UPDATE")})
        mode = request.get("DeploymentMode", "REVERT_DRIFT")
        refuse("CreateChangeSet", {"DeploymentMode": mode}, {"DeploymentMode": ("REVERT_DRIFT",)})
        check_source(request)
        with self._stacks.lock:
            stack, is_new = self._stack_for(request, kind)
            change_set = self._made(request, stack, kind)
            if is_new:
                self._operator.review(stack)
            stack.change_sets[change_set.name] = change_set
        return {"Id": change_set.change_set_id, "StackId": stack.stack_id}

    def describe_change_set(self, request: Request) -> dict[str, Any]:
        """Return what executing the change set would change, with old and new values when they are asked for."""
        stack, change_set = self._find(request)
        template = change_set.template
        secrets = [text for name, text in template.parameters.items() if text and template.is_secret(name)] if template else []  # noqa: E501  # fmt: skip
        with_values = bool(request.get("IncludePropertyValues"))
        view = {
            **_summary(stack, change_set),
            "Capabilities": change_set.capabilities,
            "NotificationARNs": [],
            "RollbackConfiguration": {},
            "Changes": [change_view(item, with_values=with_values, secrets=secrets) for item in change_set.changes],
        }
        if change_set.tags:
            view["Tags"] = change_set.tags
        if template and template.parameters:
            view["Parameters"] = template.public_parameters()
        return view

    def execute_change_set(self, request: Request) -> dict[str, Any]:
        """Begin to carry out a change set."""
        with self._stacks.lock:
            stack, change_set = self._find(request)
            if change_set.execution_status != "AVAILABLE" or change_set.template is None:
                shown = "FAILED" if change_set.status == "FAILED" else change_set.execution_status
                raise ServiceError(
                    "InvalidChangeSetStatus",
                    f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of [{shown}]",
                )
            _require(stack, change_set.kind)
            stack.token = request.get("ClientRequestToken", "")
            for other in stack.change_sets.values():
                other.execution_status = "OBSOLETE"
            self._operator.start(
                stack,
                change_set.template,
                capabilities=change_set.capabilities,
                tags=change_set.tags,
                role_arn=change_set.role_arn,
                change_set=change_set,
                deleted=change_set.deleted,
                is_left_failed=bool(request.get("DisableRollback")),
            )
        return {}

    def delete_change_set(self, request: Request) -> dict[str, Any]:
        """Delete a change set; deleting one that does not exist is no error."""
        with self._stacks.lock:
            if not request["ChangeSetName"].startswith("arn:"):
                self._stacks.get(request.get("StackName", ""))
            try:
                stack, change_set = self._find(request)
            except ServiceError as error:
                if error.code == "ChangeSetNotFound":
                    return {}
                raise
            if change_set.execution_status == "EXECUTE_IN_PROGRESS":
                raise ServiceError(
                    "InvalidChangeSetStatus",
                    f"ChangeSet [{change_set.change_set_id}] cannot be deleted in its current status of "
                    f"[{change_set.execution_status}]",
                )
            stack.change_sets = {key: item for key, item in stack.change_sets.items() if item is not change_set}
        return {}

    def list_change_sets(self, request: Request) -> dict[str, Any]:
        """Return the change sets of a stack."""
        stack = self._stacks.get(request["StackName"])
        return {"Summaries": [_summary(stack, item) for item in list(stack.change_sets.values())]}

    def _find(self, request: Request) -> tuple[Stack, ChangeSet]:
        return self._stacks.change_set(request["ChangeSetName"], request.get("StackName", ""))

    def _stack_for(self, request: Request, kind: str) -> tuple[Stack, bool]:
        """Return the stack that a new change set is for, and whether it is a new one."""
        name, existing = request["StackName"], self._stacks.find(request["StackName"])
        change_set_name = request["ChangeSetName"]
        if kind == "UPDATE":
            stack = self._stacks.get(name)
            _require(stack, kind)
            is_new = False
        elif existing is None:
            stack, is_new = self._operator.new_stack(name, new_stack_id(self._account, name)), True
        else:
            if existing.status != "REVIEW_IN_PROGRESS":
                raise ServiceError(
                    "ValidationError",
                    f"Stack [{name}] already exists and cannot be created again with the changeSet "
                    f"[{change_set_name}].",
                )
            stack, is_new = existing, False
        _free_name(stack, change_set_name)
        return stack, is_new

    def _made(self, request: Request, stack: Stack, kind: str) -> ChangeSet:
        account, name = self._account, request["ChangeSetName"]
        change_set = ChangeSet(
            f"arn:aws:cloudformation:{account.region}:{account.account_id}:changeSet/{name}/{uuid.uuid4()}",
            name,
            stack.stack_id,
            account.clock.now(),
            request.get("Description", ""),
            list(request.get("Capabilities", [])),
            list(request["Tags"]) if "Tags" in request else list(stack.tags),
            request.get("RoleARN", stack.role_arn),
            kind=kind,
        )
        try:
            change_set.template = template_of(account, request, stack)
            if "DeploymentMode" in request:
                change_set.deleted = deleted_resources(account, stack, self._exports)
            tags = tag_map(change_set.tags)
            plan = make_plan(change_set.template, stack, tags, self._exports, change_set.deleted)
        except TemplateError as error:
            _fail(change_set, str(error))
            return change_set
        change_set.changes = plan.changes
        if plan.is_empty and tag_map(change_set.tags) == tag_map(stack.tags):
            _fail(change_set, NO_CHANGE)
        return change_set


def _free_name(stack: Stack, name: str) -> None:
    """Let a new change set have `name`; one that is over is found by its id from then on.

    Raises:
        ServiceError: one of that name waits, or is being executed.
    """
    known = stack.change_sets.get(name)
    if known is None:
        return
    if known.execution_status not in _OVER:
        raise ServiceError("AlreadyExistsException", f"ChangeSet [{name}] already exists")
    stack.change_sets[known.change_set_id] = stack.change_sets.pop(name)


def _fail(change_set: ChangeSet, reason: str) -> None:
    change_set.status, change_set.status_reason, change_set.execution_status = "FAILED", reason, "UNAVAILABLE"


def _require(stack: Stack, kind: str) -> None:
    """Refuse a change set for a stack whose state does not allow it."""
    allowed = {"REVIEW_IN_PROGRESS"} if kind == "CREATE" else _UPDATABLE
    if stack.status not in allowed:
        raise ServiceError(
            "ValidationError", f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
        )


def _summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    view: dict[str, Any] = {
        "ChangeSetId": change_set.change_set_id,
        "ChangeSetName": change_set.name,
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "CreationTime": change_set.created_at,
        "ExecutionStatus": change_set.execution_status,
        "Status": change_set.status,
        "IncludeNestedStacks": False,
    }
    optional = {"StatusReason": change_set.status_reason, "Description": change_set.description}
    return view | {key: value for key, value in optional.items() if value}
