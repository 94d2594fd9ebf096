"""How an operation's request becomes the actions and resources that must be allowed."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from embedded_account.iam.context import Value

_FIELD = re.compile(r"\{([\w.\[\]]+)\}")


@dataclass(frozen=True)
class Need:
    """One action on one resource that a request needs; `context` holds the condition keys of this action alone."""

    action: str
    resource: str
    context: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request to a service, as its operation's model reads it. `prefix` is the service's in policies.

    `user_arn` is who calls, where that is a user.
    """

    prefix: str
    operation: str
    params: Mapping[str, Any]
    region: str
    account_id: str
    user_arn: str = ""

    def get(self, path: str) -> Any:
        """Return the member at `path`, such as Target.RoleArn; None where there is none."""
        value: Any = self.params
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def arn(self, resource: str, prefix: str = "") -> str:
        """Return the ARN of `resource`, its part after the account; one that is an ARN already is returned as it is."""
        if resource.startswith("arn:") or resource == "*":
            return resource
        return f"arn:aws:{prefix or self.prefix}:{self.region}:{self.account_id}:{resource}"

    def tags(self) -> dict[str, str]:
        """Return the tags that the request gives, in whichever of AWS's forms."""
        tags = self.params.get("Tags") or self.params.get("tags") or {}
        if isinstance(tags, Mapping):
            return {str(key): str(value) for key, value in tags.items()}
        return {_member(tag, "Key"): _member(tag, "Value") for tag in tags}


def _member(tag: Mapping[str, Any], name: str) -> str:
    return str(next((tag[one] for one in (name, name.lower(), f"Tag{name}") if one in tag), ""))


Resources = Callable[[Call], Iterable[str]]


@dataclass(frozen=True)
class Rule:
    """What one operation needs: `action` (its own name by default) on each of `resources`, and more beside."""

    resources: tuple[str | Resources, ...]
    action: str = ""
    passes: tuple[tuple[str, str], ...] = ()  # (where the role's ARN stands, the service that it is passed to)
    tags_with: str = ""
    context: tuple[tuple[str, str], ...] = ()  # (condition key, where its value stands)
    others: tuple[Callable[[Call], Iterable[Need]], ...] = ()
    knows: tuple[Callable[[Call], Mapping[str, Value]], ...] = ()

    def needs(self, call: Call) -> list[Need]:
        """Return all that `call` needs; none for an operation that anyone may use."""
        action = self.action or f"{call.prefix}:{call.operation}"
        context = dict(self._context(call))
        resources = list(dict.fromkeys(one for each in self.resources for one in _resources(each, call)))
        needed = [Need(action, resource, context) for resource in resources]
        if self.tags_with and call.tags():
            needed += [Need(self.tags_with, resource, context) for resource in resources[:1]]
        for path, service in self.passes:
            roles = dict.fromkeys(str(role) for role in _values_at(call, path))
            passed = {"iam:PassedToService": service} | (
                {"iam:AssociatedResourceArn": resources[0]} if resources else {}
            )
            needed += [Need("iam:PassRole", role, passed) for role in roles]
        return needed + [need for other in self.others for need in other(call)]

    def passing(self, path: str, service: str) -> "Rule":
        """Also need iam:PassRole for the role at `path`, to `service`, when there is one."""
        return replace(self, passes=(*self.passes, (path, f"{service}.amazonaws.com")))

    def tagging(self, action: str) -> "Rule":
        """Also need `action` on the first resource when the request gives tags."""
        return replace(self, tags_with=action)

    def named(self, action: str) -> "Rule":
        """Need `action` in place of the one that is named as the operation."""
        return replace(self, action=action)

    def where(self, **context: str) -> "Rule":
        """Give condition keys (with `__` for their colon, `_` for a dash) the values at the paths in the request."""
        keys = tuple((key.replace("__", ":").replace("_", "-"), path) for key, path in context.items())
        return replace(self, context=self.context + keys)

    def knowing(self, *knows: Callable[[Call], Mapping[str, Value]]) -> "Rule":
        """Give the condition keys that `knows` find in the request."""
        return replace(self, knows=self.knows + knows)

    def also(self, *others: Callable[[Call], Iterable[Need]]) -> "Rule":
        """Need what `others` say as well."""
        return replace(self, others=self.others + others)

    def _context(self, call: Call) -> Iterable[tuple[str, Value]]:
        tags = call.tags()
        removed = call.params.get("TagKeys") or call.params.get("tagKeys") or ()
        if tags or removed:
            yield "aws:TagKeys", [*tags, *map(str, removed)]
            yield from ((f"aws:RequestTag/{key}", value) for key, value in tags.items())
        for know in self.knows:
            yield from know(call).items()
        for key, path in self.context:
            values = [_text(value) for value in _values_at(call, path)]
            if values:
                yield key, values[0] if len(values) == 1 else values


def on(*resources: str | Resources) -> Rule:
    """Return the rule of an operation on `resources`: "training-job/{TrainingJobName}", or a function of the call.

    A field that holds an ARN stands for the whole resource.
    """
    return Rule(resources)


ANY = on("*")  # an action that knows no resources
FREE = Rule(())  # an operation that needs no permission


def _resources(resource: str | Resources, call: Call) -> Iterable[str]:
    if not isinstance(resource, str):
        return resource(call)
    given = [str(call.get(name) or "") for name in _FIELD.findall(resource)]
    arn = next((value for value in given if value.startswith("arn:")), None)
    remaining = iter(given)
    return [arn or call.arn(_FIELD.sub(lambda _: next(remaining), resource))]


def _values_at(call: Call, path: str) -> list[Any]:
    """Return the values at `path`, where `Targets[].RoleArn` goes through a list."""
    head, brackets, rest = path.partition("[].")
    value = call.get(head)
    if not brackets:
        return [] if value in (None, "") else value if isinstance(value, list) else [value]
    return [one[rest] for one in value or () if isinstance(one, Mapping) and one.get(rest)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def each(names: str, rule: Rule) -> dict[str, Rule]:
    """Return `rule` for every operation in `names`, which are separated by white space."""
    return dict.fromkeys(names.split(), rule)
