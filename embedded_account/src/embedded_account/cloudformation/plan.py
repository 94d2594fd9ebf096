"""Compares a template with a stack: what a deployment would add, modify, replace or remove, and because of what."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedded_account.cloudformation.errors import TemplateError
from embedded_account.cloudformation.exports import Exports
from embedded_account.cloudformation.intrinsics import KNOWN_AFTER_APPLY, Resolver, references
from embedded_account.cloudformation.resources import resource_type
from embedded_account.cloudformation.resources.resource import ResourceType
from embedded_account.cloudformation.stacks import KEEPING, Stack, StackResource
from embedded_account.cloudformation.templates import Definition, Template

NO_CHANGE = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass(frozen=True)
class Cause:
    """Why a property changes: `source` and `evaluation` are CloudFormation's words, `entity` what causes it."""

    source: str
    evaluation: str
    entity: str = ""


@dataclass(frozen=True)
class PropertyChange:
    """One property, or attribute of the resource such as DeletionPolicy, that changes."""

    attribute: str
    name: str
    recreation: str
    causes: tuple[Cause, ...]
    before: Any
    after: Any

    @property
    def is_certain(self) -> bool:
        """Whether the change is known before the deployment."""
        return any(cause.evaluation == "Static" for cause in self.causes)

    @property
    def is_caused_by_resources(self) -> bool:
        """Whether other resources alone are the cause; AWS then says so once, unless asked for values."""
        sources = {cause.source for cause in self.causes} - {"DirectModification"}
        return bool(sources) and sources <= {"ResourceReference", "ResourceAttribute"}


@dataclass(frozen=True)
class Change:
    """One resource that a deployment adds, modifies or removes."""

    action: str
    logical_id: str
    type_name: str
    physical_id: str = ""
    policy_action: str = ""
    replacement: str = ""
    changes: tuple[PropertyChange, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    drift: str = ""


@dataclass(frozen=True)
class Plan:
    """What a deployment of a template would do to a stack."""

    changes: list[Change]
    is_empty: bool


def make_plan(
    template: Template,
    stack: Stack,
    tags: Mapping[str, str],
    exports: Exports,
    deleted: Collection[str] = frozenset(),
) -> Plan:
    """Return what deploying `template` to `stack`, of which somebody has `deleted` something, would do.

    Raises:
        MissingExportError: it imports what no stack exports.
        TemplateError: the template cannot be deployed; the message names what is wrong in it.
    """
    lookup = _PlannedResources(template, stack, deleted, exports)
    changes = []
    for definition in template.definitions.values():
        change = _planned(definition, stack, lookup, tags)
        if change:
            lookup.changed[change.logical_id] = change
            changes.append(change)
    gone = {name: item for name, item in stack.resources.items() if name not in template.definitions}
    changes += [_removal(item) for name, item in gone.items() if name not in deleted]
    outputs = {name: Resolver(template.values, lookup).resolve(item) for name, item in template.outputs.items()}
    old_outputs = {item["OutputKey"]: (item["OutputValue"], item.get("ExportName")) for item in stack.outputs}
    new_outputs = {name: (str(item["Value"]), item.get("Export", {}).get("Name")) for name, item in outputs.items()}
    same_outputs = new_outputs == old_outputs
    is_empty = not changes and same_outputs and stack.template is not None
    return Plan(sorted(changes, key=lambda change: change.logical_id), is_empty)


def planned_properties(
    definition: Definition, kind: ResourceType, resolver: Resolver, tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return the properties that `definition` gives its resource, checked and of their real types."""
    return kind.fit(definition.logical_id, kind.tagged(resolver.resolve(dict(definition.properties)), tags))


class _PlannedResources:
    """Answers Ref and Fn::GetAtt before the deployment: with what exists and stays, else KNOWN_AFTER_APPLY."""

    def __init__(self, template: Template, stack: Stack, deleted: Collection[str], exports: Exports) -> None:
        self.changed: dict[str, Change] = {}
        self._exports = exports
        self._template = template
        self._existing = {name: item for name, item in stack.resources.items() if name not in deleted}

    def existing(self, logical_id: str) -> StackResource | None:
        """Return the resource as it is now; None when there is none, or somebody has deleted it."""
        return self._existing.get(logical_id)

    def reference(self, logical_id: str) -> Any:
        lasting = self._lasting(logical_id)
        if lasting is None:
            return KNOWN_AFTER_APPLY
        return self._kind(logical_id).reference(lasting.physical_id, lasting.attributes)

    def attribute(self, logical_id: str, name: str) -> Any:
        kind = self._kind(logical_id)
        if name not in kind.attribute_names:
            raise TemplateError(
                f"Template error: resource {logical_id} does not support attribute type {name} in Fn::GetAtt; "
                f"{kind.name} has {', '.join(sorted(kind.attribute_names)) or 'none'}"
            )
        lasting, change = self._lasting(logical_id), self.changed.get(logical_id)
        if lasting is None:
            return KNOWN_AFTER_APPLY
        if change and change.after is not None and name in kind.properties:
            return change.after.get(name, KNOWN_AFTER_APPLY)
        return lasting.attributes.get(name, KNOWN_AFTER_APPLY)

    def imported(self, name: str) -> Any:
        return self._exports.value(name)

    def _kind(self, logical_id: str) -> ResourceType:
        return resource_type(self._template.definitions[logical_id].type_name, logical_id)

    def _lasting(self, logical_id: str) -> StackResource | None:
        change = self.changed.get(logical_id)
        return None if change and change.replacement in ("True", "Conditional") else self.existing(logical_id)


def _planned(definition: Definition, stack: Stack, lookup: _PlannedResources, tags: Mapping[str, str]) -> Change | None:
    """Return what changes of one resource of the new template; None when nothing does."""
    logical_id = definition.logical_id
    kind = resource_type(definition.type_name, logical_id)
    after = planned_properties(definition, kind, Resolver(lookup._template.values, lookup), tags)
    existing = lookup.existing(logical_id)
    if existing is None:
        drift = "DELETED" if logical_id in stack.resources else ""
        return Change("Add", logical_id, definition.type_name, after=after, drift=drift)
    if existing.type_name != definition.type_name:
        raise TemplateError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{logical_id}]"
        )
    changes = tuple(_property_changes(definition, kind, existing, after, stack, lookup))
    if not changes:
        return None
    replacement = _replacement(changes)
    policy = f"ReplaceAnd{'Retain' if definition.update_replace_policy == 'Retain' else 'Delete'}"
    return Change(
        "Modify",
        logical_id,
        definition.type_name,
        existing.physical_id,
        policy if replacement != "False" else "",
        replacement,
        changes,
        existing.properties,
        after,
    )


def _replacement(changes: tuple[PropertyChange, ...]) -> str:
    recreating = [change for change in changes if change.recreation == "Always"]
    if not recreating:
        return "False"
    return "True" if any(change.is_certain for change in recreating) else "Conditional"


def _removal(existing: StackResource) -> Change:
    action = "Retain" if existing.deletion_policy in KEEPING else "Delete"
    return Change(
        "Remove",
        existing.logical_id,
        existing.type_name,
        existing.physical_id,
        action,
        before=existing.properties,
    )


def _property_changes(
    definition: Definition,
    kind: ResourceType,
    existing: StackResource,
    after: Mapping[str, Any],
    stack: Stack,
    lookup: _PlannedResources,
) -> Iterator[PropertyChange]:
    for name in sorted({*existing.properties, *after}):
        old, new = existing.properties.get(name), after.get(name)
        if old != new:
            causes = tuple(_causes(definition, name, stack, lookup))
            recreation = "Always" if name in kind.replaced_by else "Never"
            is_tags = name == "Tags"
            attribute = "Tags" if is_tags else "Properties"
            yield PropertyChange(attribute, "" if is_tags else name, recreation, causes, old, new)
    direct = (Cause("DirectModification", "Static"),)
    for attribute, old, new in (
        ("DeletionPolicy", existing.deletion_policy, definition.deletion_policy),
        ("UpdateReplacePolicy", existing.update_replace_policy, definition.update_replace_policy),
    ):
        if old != new:
            yield PropertyChange(attribute, "", "Never", direct, old, new)


def _causes(definition: Definition, name: str, stack: Stack, lookup: _PlannedResources) -> Iterator[Cause]:
    """Yield why a property changes, as CloudFormation tells it: parameters, resources, or the template itself."""
    raw = definition.properties.get(name)
    old_definition = stack.template.definitions.get(definition.logical_id) if stack.template else None
    if old_definition is None or old_definition.properties.get(name) != raw:
        yield Cause("DirectModification", "Static")
        return
    given = lookup._template.parameters
    causes = []
    for entity, attribute in dict.fromkeys(references(raw)):
        if entity in given and stack.parameters.get(entity) != given[entity]:
            causes.append(Cause("ParameterReference", "Static", entity))
        elif entity in lookup.changed:
            certain = lookup.changed[entity].replacement != "Conditional"
            source = "ResourceAttribute" if attribute else "ResourceReference"
            name_of_cause = f"{entity}.{attribute}" if attribute else entity
            causes.append(Cause(source, "Static" if certain else "Dynamic", name_of_cause))
    yield from causes
    # Without any such cause it is the template, for example a mapping, or the stack's tags.
    yield Cause("DirectModification", "Dynamic" if causes else "Static")


def change_view(change: Change, *, with_values: bool, secrets: list[str]) -> dict[str, Any]:
    """Return a change as DescribeChangeSet shows it; `secrets` are values of NoEcho parameters, masked in it."""
    view: dict[str, Any] = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "ResourceType": change.type_name,
        "Scope": list(dict.fromkeys(item.attribute for item in change.changes)),
        "Details": [
            _detail(item, cause, with_values=with_values, secrets=secrets)
            for item in change.changes
            for cause in item.causes
            if with_values or not item.is_caused_by_resources or cause.source != "DirectModification"
        ],
    }
    optional = {
        "PhysicalResourceId": change.physical_id,
        "PolicyAction": change.policy_action,
        "Replacement": change.replacement,
        "ResourceDriftStatus": change.drift,
    }
    view |= {key: value for key, value in optional.items() if value}
    if with_values:
        contexts = {"BeforeContext": change.before, "AfterContext": change.after}
        for key, properties in contexts.items():
            if properties is not None:
                view[key] = _masked(json.dumps({"Properties": properties}), secrets)
    return {"Type": "Resource", "ResourceChange": view}


def _detail(item: PropertyChange, cause: Cause, *, with_values: bool, secrets: list[str]) -> dict[str, Any]:
    target: dict[str, Any] = {"Attribute": item.attribute, "RequiresRecreation": item.recreation}
    if item.name:
        target["Name"] = item.name
    if with_values:
        target["Path"] = "/" + "/".join(filter(None, (item.attribute, item.name)))
        kinds = {(True, False): "Add", (False, True): "Remove"}
        target["AttributeChangeType"] = kinds.get((item.before is None, item.after is None), "Modify")
        for key, value in (("BeforeValue", item.before), ("AfterValue", item.after)):
            if value is not None:
                target[key] = _masked(value if isinstance(value, str) else json.dumps(value), secrets)
    detail = {"Target": target, "Evaluation": cause.evaluation, "ChangeSource": cause.source}
    return detail | ({"CausingEntity": cause.entity} if cause.entity else {})


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "****")
    return text
