"""Carries out a template on a stack, and undoes it when a resource fails."""

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from embedded_account.account import Account
from embedded_account.cloudformation import graph
from embedded_account.cloudformation.errors import MissingExportError, ResourceError, TemplateError
from embedded_account.cloudformation.exports import Exports
from embedded_account.cloudformation.intrinsics import Resolver
from embedded_account.cloudformation.plan import planned_properties
from embedded_account.cloudformation.resources import resource_type
from embedded_account.cloudformation.resources.presence import is_deleted
from embedded_account.cloudformation.resources.resource import Call, ResourceType
from embedded_account.cloudformation.stacks import KEEPING, Stack, StackResource, tag_map
from embedded_account.cloudformation.templates import Definition, Template

logger = logging.getLogger("embedded_account")

_NUM_WORKERS = 4
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")
_HANDLER_CODES = {
    "AlreadyExists": ("AlreadyExist", "AlreadyOwned", "EntityAlreadyExists", "InUse", "Conflict", "NotEmpty"),
    "NotFound": _GONE,
    "AccessDenied": ("AccessDenied", "NotAuthorized", "Unauthorized"),
    "Throttling": ("Throttl", "TooManyRequests"),
    "InvalidRequest": ("Validation", "Invalid", "Malformed", "NotImplemented"),
}


class Resources:
    """A stack's resources: answers Ref and Fn::GetAtt with what exists, and acts on one resource at a time."""

    def __init__(self, account: Account, stack: Stack, exports: Exports) -> None:
        self._account = account
        self._stack = stack
        self._exports = exports

    def reference(self, logical_id: str) -> Any:
        """Return what Ref of a deployed resource gives."""
        resource = self._stack.resources[logical_id]
        return resource_type(resource.type_name, logical_id).reference(resource.physical_id, resource.attributes)

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return an attribute of a deployed resource."""
        return self._stack.resources[logical_id].attributes[name]

    def imported(self, name: str) -> Any:
        """Return the value that another stack exports."""
        return self._exports.value(name)

    def call(self, resource: StackResource, created: Callable[[str], None] = lambda _: None) -> Call:
        """Return what a resource type needs to act on `resource`."""
        stack = self._stack
        return Call(self._account, stack.role_arn, stack.name, stack.stack_id, resource.logical_id, created)

    def delete(self, resource: StackResource, *, keep: bool) -> bool:
        """Delete `resource`, or leave it alone when it is to be kept; return whether that worked."""
        if not resource.physical_id:
            return True
        if keep:
            self._stack.note(resource, "DELETE_SKIPPED")
            return True
        self._stack.note(resource, "DELETE_IN_PROGRESS")
        kind = resource_type(resource.type_name, resource.logical_id)
        try:
            kind.delete(self.call(resource), resource.physical_id, resource.properties)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the resource's failure)
            if not is_gone(error):
                self._stack.note(resource, "DELETE_FAILED", reason_of(error, resource.type_name))
                return False
        self._stack.note(resource, "DELETE_COMPLETE")
        return True


class Deployment:
    """One creation or update of a stack."""

    def __init__(
        self,
        account: Account,
        stack: Stack,
        template: Template,
        exports: Exports,
        before: Mapping[str, StackResource] | None = None,
    ) -> None:
        self._stack = stack
        self._template = template
        self._exports = exports
        self._resources = Resources(account, stack, exports)
        self._resolver = Resolver(template.values, self._resources)
        self._before = dict(stack.resources if before is None else before)
        self._superseded: list[StackResource] = []

    def create(self, *, is_left_failed: bool = False) -> bool:
        """Create the stack's resources, or delete those that were when one fails; return whether it was created.

        With `is_left_failed` (DisableRollback) a failure stays as it is.
        """
        reason = self._deploy("create")
        if not reason:
            self._stack.enter("CREATE_COMPLETE")
            return True
        if is_left_failed:
            self._stack.enter("CREATE_FAILED", reason)
            return False
        self._stack.enter("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
        undeleted = self._delete_all(list(self._stack.resources.values()), kept_by=frozenset({"Retain"}))
        if undeleted:
            self._stack.enter("ROLLBACK_FAILED", _failed_to("delete", undeleted))
        else:
            self._stack.enter("ROLLBACK_COMPLETE")
        return False

    def update(self, *, is_left_failed: bool = False) -> bool:
        """Change the stack's resources, or change them back when one fails; return whether it was updated.

        With `is_left_failed` (DisableRollback) a failure stays as it is.
        """
        reason = self._deploy("update")
        if reason:
            if is_left_failed:
                self._stack.enter("UPDATE_FAILED", reason)
            else:
                self._stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", reason)
                self.roll_back()
            return False
        self._stack.enter("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        removed = [item for name, item in self._before.items() if name not in self._template.definitions]
        undeleted = self._delete_all([*removed, *self._superseded])
        for resource in removed:
            self._stack.resources.pop(resource.logical_id, None)
        self._stack.enter("UPDATE_COMPLETE", _failed_to("delete", undeleted) if undeleted else "")
        return True

    # -- forward ------------------------------------------------------------------------------------------------

    def _deploy(self, verb: str) -> str:
        """Bring resources and outputs to their definitions; return why that failed, or nothing."""
        try:
            for name in sorted(self._template.imports):
                self._exports.value(name)
        except MissingExportError as error:
            return f"{error}. "
        failed = self._apply_all()
        return _failed_to(verb, failed) if failed else self._set_outputs()

    def _apply_all(self) -> set[str]:
        definitions = self._template.definitions
        dependencies = {name: item.dependencies for name, item in definitions.items()}
        return graph.run(dependencies, lambda name: self._apply(definitions[name]), num_workers=_NUM_WORKERS)

    def _apply(self, definition: Definition) -> bool:
        """Bring one resource to its definition; return whether that worked."""
        kind = resource_type(definition.type_name, definition.logical_id)
        old = self._before.get(definition.logical_id)
        new = _resource(definition, old)
        try:
            new.properties = planned_properties(definition, kind, self._resolver, tag_map(self._stack.tags))
            if old is None:
                self._create(kind, new, "CREATE")
            elif old.properties == new.properties:
                self._keep(old, new)
            elif any(old.properties.get(name) != new.properties.get(name) for name in kind.replaced_by):
                self._replace(kind, old, new)
            else:
                self._update(kind, old, new)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the resource's failure)
            self._stack.resources[new.logical_id] = new
            self._stack.note(new, "UPDATE_FAILED" if old else "CREATE_FAILED", reason_of(error, kind.name))
            return False
        return True

    def _create(self, kind: ResourceType, new: StackResource, verb: str) -> None:
        self._stack.resources[new.logical_id] = new
        if verb == "CREATE":
            self._stack.note(new, "CREATE_IN_PROGRESS")

        def created(physical_id: str) -> None:
            new.physical_id = physical_id
            self._stack.note(new, f"{verb}_IN_PROGRESS", "Resource creation Initiated")

        call = self._resources.call(new, created)
        kind.create(call, new.properties)
        new.attributes = kind.attributes(call, new.physical_id, new.properties)
        self._stack.note(new, f"{verb}_COMPLETE")

    def _keep(self, old: StackResource, new: StackResource) -> None:
        """Leave the resource as it is; its policies and dependencies may have changed in the template."""
        self._stack.resources[new.logical_id] = replace(
            old,
            dependencies=new.dependencies,
            deletion_policy=new.deletion_policy,
            update_replace_policy=new.update_replace_policy,
        )

    def _replace(self, kind: ResourceType, old: StackResource, new: StackResource) -> None:
        name = new.properties.get(kind.name_property)
        reason = "Requested update requires the creation of a new physical resource; hence creating one."
        self._stack.note(new, "UPDATE_IN_PROGRESS", reason)
        new.physical_id, new.attributes = "", {}
        if name is not None and name == old.properties.get(kind.name_property):
            raise ResourceError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "
                f"{name} and update the stack again."
            )
        self._superseded.append(old)
        self._create(kind, new, "UPDATE")

    def _update(self, kind: ResourceType, old: StackResource, new: StackResource) -> None:
        self._stack.resources[new.logical_id] = new
        self._stack.note(new, "UPDATE_IN_PROGRESS")
        call = self._resources.call(new)
        kind.update(call, new.physical_id, new.properties, old.properties)
        new.attributes = kind.attributes(call, new.physical_id, new.properties)
        self._stack.note(new, "UPDATE_COMPLETE")

    def _set_outputs(self) -> str:
        """Set the stack's outputs; return what is wrong with them, or nothing."""
        outputs = []
        try:
            for name, definition in self._template.outputs.items():
                item = self._resolver.resolve(definition)
                description = {"Description": item["Description"]} if "Description" in item else {}
                export = {"ExportName": str(item["Export"]["Name"])} if "Export" in item else {}
                outputs.append({"OutputKey": name, "OutputValue": str(item["Value"]), **description, **export})
        except (TemplateError, KeyError) as error:
            return f"Output {name}: {error}. "
        problem = self._exports.set_outputs(self._stack, outputs)
        return f"{problem}. " if problem else ""

    # -- back ---------------------------------------------------------------------------------------------------

    def roll_back(self, skipped: Collection[str] = ()) -> None:
        """Give the resources their values before the update back, but for `skipped`, and delete what it made."""
        stack = self._stack
        stack.leftover += [item for name, item in stack.resources.items() if self._is_new(name, item)]
        dependencies = {name: item.dependencies & set(self._before) for name, item in self._before.items()}
        failed = graph.run(
            dependencies,
            lambda name: self._restore(name, is_skipped=name in skipped),
            num_workers=_NUM_WORKERS,
            stop_on_failure=False,
        )
        if failed:
            stack.enter("UPDATE_ROLLBACK_FAILED", _failed_to("update", failed))
            return
        leftover, stack.leftover = stack.leftover, []
        stack.enter("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        undeleted = self._delete_all(leftover, kept_by=frozenset())
        for name in set(stack.resources) - set(self._before):
            del stack.resources[name]
        stack.enter("UPDATE_ROLLBACK_COMPLETE", _failed_to("delete", undeleted) if undeleted else "")

    def _is_new(self, name: str, resource: StackResource) -> bool:
        old = self._before.get(name)
        return old is None or old.physical_id != resource.physical_id

    def _restore(self, name: str, *, is_skipped: bool) -> bool:
        """Give a resource that the update changed its old values back; return whether that worked.

        What somebody has deleted meanwhile cannot be changed back, and no new one is made.
        """
        old, now = self._before[name], self._stack.resources[name]
        changed = old.properties != now.properties
        restored = replace(old)
        if changed:
            self._stack.note(restored, "UPDATE_IN_PROGRESS")
        if changed and now.physical_id == old.physical_id and not is_skipped:
            kind = resource_type(old.type_name, name)
            try:
                kind.update(self._resources.call(old), old.physical_id, old.properties, now.properties)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is the resource's failure)
                self._stack.note(now, "UPDATE_FAILED", reason_of(error, old.type_name))
                return False
        if changed:
            self._stack.note(restored, "UPDATE_COMPLETE")
        self._stack.resources[name] = restored
        return True

    def _delete_all(self, resources: list[StackResource], *, kept_by: frozenset[str] = KEEPING) -> set[str]:
        """Delete `resources`, dependents first; return the logical ids of those that could not be deleted."""
        keyed = {f"{item.logical_id}/{item.physical_id}": item for item in resources}
        needed_by = {
            key: {other for other, user in keyed.items() if item.logical_id in user.dependencies}
            for key, item in keyed.items()
        }

        def delete(key: str) -> bool:
            item = keyed[key]
            policy = item.update_replace_policy if item in self._superseded else item.deletion_policy
            return self._resources.delete(item, keep=policy in kept_by)

        failed = graph.run(needed_by, delete, num_workers=_NUM_WORKERS, stop_on_failure=False)
        return {keyed[key].logical_id for key in failed}


def delete_stack(
    account: Account, stack: Stack, exports: Exports, retained: set[str], *, is_forced: bool = False
) -> bool:
    """Delete the resources of `stack`, dependents first; return whether the stack is gone.

    By force it goes although some of its resources could not be deleted, which stay.
    """
    resources = Resources(account, stack, exports)
    left = {
        name: item
        for name, item in stack.resources.items()
        if item.physical_id and item.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
    }

    def delete(name: str) -> bool:
        return resources.delete(left[name], keep=left[name].deletion_policy in KEEPING or name in retained)

    order = graph.reverse({name: item.dependencies & set(left) for name, item in left.items()})
    failed = graph.run(order, delete, num_workers=_NUM_WORKERS, stop_on_failure=False)
    if failed and not is_forced:
        stack.enter("DELETE_FAILED", _failed_to("delete", failed))
        return False
    stack.deleted_at = account.clock.now()
    stack.enter("DELETE_COMPLETE")
    return True


def deleted_resources(account: Account, stack: Stack, exports: Exports) -> frozenset[str]:
    """Return the logical ids of what the stack has made and somebody has deleted."""
    resources = Resources(account, stack, exports)
    made = [item for item in stack.resources.copy().values() if item.physical_id]
    return frozenset(
        item.logical_id
        for item in made
        if is_deleted(resources.call(item), item.type_name, item.physical_id, item.properties)
    )


def is_gone(error: Exception) -> bool:
    """Return whether a service said that what should be deleted does not exist."""
    return isinstance(error, ClientError) and any(word in _code(error) for word in _GONE)


def reason_of(error: Exception, type_name: str) -> str:
    """Return why a resource failed, in the words of CloudFormation's handlers."""
    if isinstance(error, ClientError):
        answer: Mapping[str, Any] = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        request = answer.get("ResponseMetadata", {}).get("RequestId", "")
        message = f"{answer['Error'].get('Message', '')} (Service: {type_name.split('::')[1]}, Status Code: {status}, Request ID: {request})"  # noqa: E501  # fmt: skip
        return _handler_reason(message, _handler_code(_code(error)))
    if isinstance(error, TemplateError | ResourceError):
        return str(error)
    if isinstance(error, BotoCoreError):
        return _handler_reason(str(error), "InvalidRequest")
    logger.exception("a resource of a stack failed", exc_info=error)
    return _handler_reason(f"{type(error).__name__}: {error}", "InternalFailure")


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


def _handler_code(code: str) -> str:
    names = (name for name, words in _HANDLER_CODES.items() if any(word in code for word in words))
    return next(names, "GeneralServiceException")


def _handler_reason(message: str, code: str) -> str:
    return f'Resource handler returned message: "{message}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})'


def _failed_to(verb: str, logical_ids: set[str]) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(sorted(logical_ids))}]. "


def _resource(definition: Definition, old: StackResource | None) -> StackResource:
    return StackResource(
        definition.logical_id,
        definition.type_name,
        old.physical_id if old else "",
        old.properties if old else {},
        definition.dependencies,
        definition.deletion_policy,
        definition.update_replace_policy,
        old.attributes if old else {},
    )
