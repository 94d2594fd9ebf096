"""What every resource type is to the engine, and what it gets to act with."""

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from embedded_account.account import Account
from embedded_account.cloudformation.errors import PropertyError, UnsupportedError
from embedded_account.cloudformation.resources.kinds import Kind

Properties = Mapping[str, Any]

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Call:
    """One resource of one stack, and the account to act in.

    `created(physical_id)` is called by a type's `create` as soon as the thing exists: what fails after that is still
    found and deleted by a rollback.
    """

    account: Account
    role_arn: str
    stack_name: str
    stack_id: str
    logical_id: str
    created: Callable[[str], None]

    def client(self, service: str) -> Any:
        """Return a boto3 client that acts as the stack's role, or as the account's root without one."""
        return self.account.client(service, self.role_arn, by="cloudformation.amazonaws.com" if self.role_arn else "")

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:aws:{service}:{self.account.region}:{self.account.account_id}:{resource}"

    def new_name(self, max_length: int = 255, *, lower: bool = False) -> str:
        """Return STACK-LOGICALID-RANDOM, as CloudFormation names what the template does not."""
        suffix = "".join(secrets.choice(_LETTERS) for _ in range(12))
        room = max_length - len(suffix) - 2
        logical_id = self.logical_id[: max(room - len(self.stack_name), room // 2)]
        name = f"{self.stack_name[: room - len(logical_id)]}-{logical_id}-{suffix}"
        return name.lower() if lower else name


class ResourceType:
    """How one CloudFormation type acts on its service.

    `properties` are those carried out; any other fails the change set. A change of one in `replaced_by` makes a new
    resource and deletes the old one afterwards; `name_property` is the one that must then be free.
    """

    name: ClassVar[str]
    properties: ClassVar[Mapping[str, Kind]]
    required: ClassVar[frozenset[str]] = frozenset()
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    name_property: ClassVar[str] = ""
    attribute_names: ClassVar[frozenset[str]] = frozenset()

    def create(self, call: Call, properties: Properties) -> None:
        """Create the resource and report its physical id through `call.created`."""
        raise NotImplementedError

    def update(self, call: Call, physical_id: str, properties: Properties, previous: Properties) -> None:
        """Change the resource from `previous` to `properties`; nothing in `replaced_by` differs."""
        assert self.replaced_by.issuperset(self.properties), f"{self.name} needs an update"  # noqa: S101

    def delete(self, call: Call, physical_id: str, properties: Properties) -> None:
        """Delete the resource; an error that says that it is gone counts as success."""
        raise NotImplementedError

    def attributes(self, call: Call, physical_id: str, properties: Properties) -> dict[str, Any]:  # noqa: ARG002
        """Return what Fn::GetAtt can ask for."""
        return {}

    def reference(self, physical_id: str, attributes: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what Ref gives."""
        return physical_id

    def tagged(self, properties: dict[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
        """Return `properties` with the stack's own tags added, where the type has tags."""
        if "Tags" not in self.properties or not tags:
            return properties
        own = properties.get("Tags", [])
        return {**properties, "Tags": own + tag_list({key: tags[key] for key in set(tags) - set(tag_map(properties))})}

    def fit(self, logical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Return `properties` with every value of its real type.

        Raises:
            UnsupportedError: a property is not carried out here.
            PropertyError: one is missing, or its value has the wrong form.
        """
        where = f"of resource {logical_id!r} ({self.name})"
        for key in properties:
            if key not in self.properties:
                raise UnsupportedError(f"property {key!r} {where}")
        for key in sorted(self.required - set(properties)):
            raise PropertyError(f"property {key!r} {where} is required and missing")
        return {key: self.properties[key](value, f"{logical_id}/{key}") for key, value in properties.items()}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most APIs take them."""
    return [{"Key": key, "Value": text} for key, text in tags.items()]


def tag_map(properties: Properties) -> dict[str, str]:
    """Return the Tags of `properties` as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}


def tag_changes(properties: Properties, previous: Properties) -> tuple[dict[str, str], list[str]]:
    """Return the tags to set and the keys to remove to come from `previous` to `properties`."""
    wanted, current = tag_map(properties), tag_map(previous)
    return {key: text for key, text in wanted.items() if current.get(key) != text}, sorted(set(current) - set(wanted))


def changed(properties: Properties, previous: Properties, *names: str) -> bool:
    """Return whether any of the named properties differs."""
    return any(properties.get(name) != previous.get(name) for name in names)


def picked(properties: Properties, *names: str) -> dict[str, Any]:
    """Return the named properties that are set."""
    return {name: properties[name] for name in names if name in properties}
