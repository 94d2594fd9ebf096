"""The operations on stacks: create, update and delete one, and say what it is and what happened to it."""

import json
import re
from typing import Any

from embedded_account.account import Account
from embedded_account.cloudformation import capabilities
from embedded_account.cloudformation.documents import section, transforms
from embedded_account.cloudformation.errors import MissingExportError, TemplateError
from embedded_account.cloudformation.exports import Exports
from embedded_account.cloudformation.operate import Operator
from embedded_account.cloudformation.parameters import as_text
from embedded_account.cloudformation.plan import make_plan
from embedded_account.cloudformation.requests import (
    Request,
    check_source,
    document_of,
    new_stack_id,
    require_auto_expand,
    template_of,
)
from embedded_account.cloudformation.stacks import Stack, StackResource, Stacks, event_view, tag_map
from embedded_account.cloudformation.templates import Template
from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import not_carried_out

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
_EVENTS_A_PAGE = 100
_NO_DRIFT = {"StackDriftStatus": "NOT_CHECKED"}


def check_name(name: str) -> None:
    """Refuse a stack name that CloudFormation does not allow."""
    if not _NAME.fullmatch(name):
        raise ServiceError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        )


class StackOperations:
    """The operations on stacks and templates."""

    def __init__(self, account: Account, stacks: Stacks, operator: Operator, exports: Exports) -> None:
        self._account = account
        self._stacks = stacks
        self._exports = exports
        self._operator = operator

    # -- change -------------------------------------------------------------------------------------------------

    def create_stack(self, request: Request) -> dict[str, Any]:
        """Begin to create a stack."""
        name = request["StackName"]
        check_name(name)
        check_source(request)
        with self._stacks.lock:
            if self._stacks.find(name):
                raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
            require_auto_expand(self._account, request)
            stack = self._operator.new_stack(name, new_stack_id(self._account, name))
            self._deploy(request, stack)
        return {"StackId": stack.stack_id}

    def update_stack(self, request: Request) -> dict[str, Any]:
        """Begin to update a stack."""
        check_source(request)
        with self._stacks.lock:
            stack = self._stacks.get(request["StackName"])
            if stack.status not in _UPDATABLE:
                raise ServiceError(
                    "ValidationError", f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
                )
            require_auto_expand(self._account, request, stack)
            self._deploy(request, stack)
        return {"StackId": stack.stack_id}

    def delete_stack(self, request: Request) -> dict[str, Any]:
        """Begin to delete a stack; deleting one that does not exist is no error."""
        with self._stacks.lock:
            stack = self._stacks.find(request["StackName"])
            if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
                return {}
            if stack.is_busy:
                raise ServiceError(
                    "ValidationError",
                    f"Stack [{stack.stack_id}] cannot be deleted while in status {stack.status}; wait for its end",
                )
            if stack.is_protected:
                raise ServiceError(
                    "ValidationError",
                    f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled",
                )
            retained = set(request.get("RetainResources", []))
            is_forced = request.get("DeletionMode", "STANDARD") == "FORCE_DELETE_STACK"
            if (retained or is_forced) and stack.status != "DELETE_FAILED":
                option = "RetainResources" if retained else "DeletionMode FORCE_DELETE_STACK"
                raise ServiceError(
                    "ValidationError",
                    f"Invalid operation on stack [{stack.stack_id}]. {option} is only valid for a stack in "
                    "DELETE_FAILED state.",
                )
            self._operator.delete(stack, retained, request.get("ClientRequestToken", ""), is_forced=is_forced)
        return {}

    def update_termination_protection(self, request: Request) -> dict[str, Any]:
        """Let a stack be deleted, or not."""
        stack = self._stacks.get(request["StackName"])
        stack.is_protected = bool(request["EnableTerminationProtection"])
        return {"StackId": stack.stack_id}

    def continue_update_rollback(self, request: Request) -> dict[str, Any]:
        """Begin to roll back once more an update whose rollback failed; what is skipped stays as it is."""
        with self._stacks.lock:
            stack = self._required(request, {"UPDATE_ROLLBACK_FAILED"}, "continue the rollback of")
            skipped = set(request.get("ResourcesToSkip", []))
            others = {name for name in skipped if not _has_failed(stack, name)}
            if others:
                raise ServiceError(
                    "ValidationError",
                    f"ResourcesToSkip {sorted(others)}: only resources in UPDATE_FAILED state can be skipped",
                )
            self._operator.roll_back(stack, skipped, request.get("ClientRequestToken", ""))
        return {}

    def rollback_stack(self, request: Request) -> dict[str, Any]:
        """Begin to bring a stack whose creation or update failed back to its last known stable state."""
        with self._stacks.lock:
            stack = self._required(request, {"CREATE_FAILED", "UPDATE_FAILED"}, "roll back")
            if stack.status == "CREATE_FAILED":
                self._operator.delete(stack, set(), request.get("ClientRequestToken", ""))
            else:
                self._operator.roll_back(stack, set(), request.get("ClientRequestToken", ""))
        return {"StackId": stack.stack_id}

    def _required(self, request: Request, statuses: set[str], verb: str) -> Stack:
        stack = self._stacks.get(request["StackName"])
        if stack.status not in statuses:
            raise ServiceError(
                "ValidationError",
                f"Stack:{stack.stack_id} is in {stack.status} state and can not {verb} from this state",
            )
        return stack

    def _deploy(self, request: Request, stack: Stack) -> None:
        tags = list(request["Tags"]) if "Tags" in request else list(stack.tags)
        try:
            template = template_of(self._account, request, stack)
            is_empty = self._changes_nothing(template, stack, tags)
        except TemplateError as error:
            raise ServiceError("ValidationError", str(error)) from error
        if is_empty and tag_map(tags) == tag_map(stack.tags):
            raise ServiceError("ValidationError", "No updates are to be performed.")
        stack.token = request.get("ClientRequestToken", "")
        self._operator.start(
            stack,
            template,
            capabilities=list(request.get("Capabilities", [])),
            tags=tags,
            role_arn=request.get("RoleARN", stack.role_arn),
        )

    def _changes_nothing(self, template: Template, stack: Stack, tags: list[dict[str, str]]) -> bool:
        try:
            return make_plan(template, stack, tag_map(tags), self._exports).is_empty
        except MissingExportError:
            return False  # it begins, and is rolled back

    # -- describe -----------------------------------------------------------------------------------------------

    def describe_stacks(self, request: Request) -> dict[str, Any]:
        """Return one stack, or all that are not deleted."""
        if "StackName" in request:
            return {"Stacks": [_view(self._stacks.get(request["StackName"], "Stack with id {} does not exist"))]}
        live = [stack for stack in self._stacks.all() if stack.status != "DELETE_COMPLETE"]
        return {"Stacks": [_view(stack) for stack in live]}

    def list_stacks(self, request: Request) -> dict[str, Any]:
        """Return every stack in short, deleted ones too."""
        wanted = request.get("StackStatusFilter", [])
        stacks = [stack for stack in self._stacks.all() if not wanted or stack.status in wanted]
        return {"StackSummaries": [_summary(stack) for stack in stacks]}

    def describe_stack_events(self, request: Request) -> dict[str, Any]:
        """Return what happened to a stack, the newest first."""
        stack = self._stacks.get(request["StackName"])
        token = request.get("NextToken", "")
        if token and not token.isdigit():
            raise ServiceError("ValidationError", f"NextToken {token!r}: not one that this operation returned")
        # A token counts the events older than the page before, so that new ones do not shift the pages.
        end = int(token) if token else len(stack.events)
        start = max(0, end - _EVENTS_A_PAGE)
        views = [event_view(stack, event) for event in reversed(stack.events[start:end])]
        return {"StackEvents": views} | ({"NextToken": str(start)} if start else {})

    def describe_stack_resources(self, request: Request) -> dict[str, Any]:
        """Return the resources of a stack; all, or the one of a logical id."""
        if "StackName" not in request:
            raise not_carried_out("DescribeStackResources by PhysicalResourceId", "give StackName")
        stack = self._stacks.get(request["StackName"], "Stack with id {} does not exist")
        wanted = request.get("LogicalResourceId")
        resources = [item for item in _listed(stack) if wanted in (None, item.logical_id)]
        views = [{**_resource_view(item, "Timestamp"), **_names(stack)} for item in resources]
        return {"StackResources": views}

    def describe_stack_resource(self, request: Request) -> dict[str, Any]:
        """Return one resource of a stack."""
        stack = self._stacks.get(request["StackName"])
        for item in _listed(stack):
            if item.logical_id == request["LogicalResourceId"]:
                detail = {**_resource_view(item, "LastUpdatedTimestamp"), **_names(stack), "Metadata": "{}"}
                return {"StackResourceDetail": detail}
        raise ServiceError(
            "ValidationError", f"Resource {request['LogicalResourceId']} does not exist for stack {stack.name}"
        )

    def list_stack_resources(self, request: Request) -> dict[str, Any]:
        """Return the resources of a stack in short."""
        stack = self._stacks.get(request["StackName"], "Stack with id {} does not exist")
        return {"StackResourceSummaries": [_resource_view(item, "LastUpdatedTimestamp") for item in _listed(stack)]}

    # -- templates ----------------------------------------------------------------------------------------------

    def get_template(self, request: Request) -> dict[str, Any]:
        """Return the template of a stack or change set, as it was given or with its macros carried out."""
        if "ChangeSetName" in request:
            _, change_set = self._stacks.change_set(request["ChangeSetName"], request.get("StackName", ""))
            template = change_set.template
        elif "StackName" in request:
            template = self._stacks.get(request["StackName"], "Stack with id {} does not exist").template
        else:
            raise ServiceError("ValidationError", "one of StackName and ChangeSetName is required")
        if template is None:
            raise ServiceError("ValidationError", "there is no template yet; no change set was carried out")
        is_original = request.get("TemplateStage", "Original") == "Original"
        body = template.body if is_original else json.dumps(template.processed, indent=2)
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    def validate_template(self, request: Request) -> dict[str, Any]:
        """Return what a template declares; it is refused when its form is wrong."""
        _, document = document_of(self._account, request)
        shown = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        described = [{key: item[key] for key in shown if key in item} for item in _parameters(document)]
        return {"Parameters": described, **_declared(document)}

    def get_template_summary(self, request: Request) -> dict[str, Any]:
        """Return what a template, or that of a stack, declares: the type of each resource, and no list that is empty.

        Source: AWS CLI command reference, get-template-summary: its example.
        """
        if "StackName" in request:
            stack = self._stacks.get(request["StackName"], "Stack with id {} does not exist")
            if stack.template is None:
                raise ServiceError("ValidationError", f"GetTemplateSummary cannot be called on {stack.status} stacks")
            document = stack.template.document
        else:
            _, document = document_of(self._account, request)
        resources = document["Resources"].values()
        view = {
            "Parameters": _parameters(document),
            "ResourceTypes": [item.get("Type", "") for item in resources],
            **{name: value for name, value in _declared(document).items() if value},
        }
        if "AWSTemplateFormatVersion" in document:
            view["Version"] = str(document["AWSTemplateFormatVersion"])
        return view | ({"Metadata": json.dumps(document["Metadata"])} if "Metadata" in document else {})


def _has_failed(stack: Stack, logical_id: str) -> bool:
    item = stack.resources.get(logical_id)
    return item is not None and item.status == "UPDATE_FAILED"


def _view(stack: Stack) -> dict[str, Any]:
    view: dict[str, Any] = {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "DisableRollback": False,
        "NotificationARNs": [],
        "Tags": stack.tags,
        "DriftInformation": _NO_DRIFT,
    }
    if stack.status != "DELETE_COMPLETE":
        view["EnableTerminationProtection"] = stack.is_protected
    optional = {
        "ChangeSetId": stack.change_set_id if stack.status != "DELETE_COMPLETE" else "",
        "Description": stack.description,
        "Parameters": stack.template.public_parameters() if stack.template else [],
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatusReason": stack.status_reason,
        "Capabilities": stack.capabilities,
        "Outputs": stack.outputs,
        "RoleARN": stack.role_arn,
    }
    return view | {key: value for key, value in optional.items() if value}


def _summary(stack: Stack) -> dict[str, Any]:
    view: dict[str, Any] = {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "StackStatus": stack.status,
        "DriftInformation": _NO_DRIFT,
    }
    optional = {
        "TemplateDescription": stack.description,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatusReason": stack.status_reason,
    }
    return view | {key: value for key, value in optional.items() if value}


def _listed(stack: Stack) -> list[StackResource]:
    return sorted(stack.resources.copy().values(), key=lambda item: item.logical_id)


def _names(stack: Stack) -> dict[str, str]:
    return {"StackName": stack.name, "StackId": stack.stack_id}


def _resource_view(item: StackResource, time_key: str) -> dict[str, Any]:
    view: dict[str, Any] = {
        "LogicalResourceId": item.logical_id,
        "ResourceType": item.type_name,
        time_key: item.updated_at,
        "ResourceStatus": item.status,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    optional = {"PhysicalResourceId": item.physical_id, "ResourceStatusReason": item.status_reason}
    return view | {key: value for key, value in optional.items() if value}


def _parameters(document: dict[str, Any]) -> list[dict[str, Any]]:
    described = []
    for name, item in section(document, "Parameters").items():
        view: dict[str, Any] = {"ParameterKey": name, "ParameterType": item.get("Type", "String")}
        view["NoEcho"] = str(item.get("NoEcho", False)).lower() == "true"
        if "Default" in item:
            view["DefaultValue"] = as_text(item["Default"])
        if "Description" in item:
            view["Description"] = item["Description"]
        allowed = [as_text(value) for value in item.get("AllowedValues", [])]
        view["ParameterConstraints"] = {"AllowedValues": allowed} if allowed else {}
        described.append(view)
    return described


def _declared(document: dict[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = {"DeclaredTransforms": transforms(document)}
    capability = capabilities.needed(document["Resources"])
    needed = [capability] if capability else []
    if needed:
        view["CapabilitiesReason"] = capabilities.reason(document["Resources"])
    view["Capabilities"] = needed + (["CAPABILITY_AUTO_EXPAND"] if transforms(document) else [])
    return view | ({"Description": document["Description"]} if "Description" in document else {})
