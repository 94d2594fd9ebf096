"""A template together with the parameters of one deployment: what each of its parts means then."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from embedded_account.cloudformation import graph, parameters
from embedded_account.cloudformation.documents import check_resources, section
from embedded_account.cloudformation.errors import TemplateError
from embedded_account.cloudformation.intrinsics import Values, export_name, imports, pruned, references


@dataclass(frozen=True)
class Definition:
    """One resource of a template, with every Fn::If decided."""

    logical_id: str
    type_name: str
    properties: Mapping[str, Any]
    dependencies: frozenset[str]
    deletion_policy: str
    update_replace_policy: str


@dataclass(frozen=True)
class Template:
    """A template for one deployment.

    `body` is the text as it was given, `document` what it says, `processed` that with its macros carried out,
    `parameters` the text of every parameter, `stored` what those have that name one in the Parameter Store, `pseudo`
    the values of AWS::Region and its like.
    """

    body: str
    document: dict[str, Any]
    processed: dict[str, Any]
    parameters: dict[str, str]
    stored: dict[str, str]
    pseudo: dict[str, Any]

    @cached_property
    def values(self) -> Values:
        """What the functions in the template can name."""
        names = parameters.typed(self.declarations, self.parameters | self.stored) | self.pseudo
        return Values(names, section(self.processed, "Mappings"), section(self.processed, "Conditions"))

    @property
    def declarations(self) -> dict[str, Any]:
        """The declared parameters."""
        return section(self.processed, "Parameters")

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """The resources whose conditions are met, each after what it depends on.

        Raises:
            TemplateError: one refers to what does not exist, or some to one another in a circle.
        """
        check_resources(self.processed)
        for name in self.values.conditions:
            self.values.condition(name)
        by_id = {
            logical_id: self._definition(logical_id, item)
            for logical_id, item in self.processed["Resources"].items()
            if "Condition" not in item or self.values.condition(item["Condition"])
        }
        self._check_references(by_id)
        order = graph.in_order({logical_id: item.dependencies for logical_id, item in by_id.items()})
        return {logical_id: by_id[logical_id] for logical_id in order}

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The outputs whose conditions are met, with every Fn::If decided."""
        return {
            name: pruned(self.values, item)
            for name, item in section(self.processed, "Outputs").items()
            if "Condition" not in item or self.values.condition(item["Condition"])
        }

    @cached_property
    def imports(self) -> frozenset[str]:
        """The names of what the template imports from other stacks."""
        used = [[item.properties for item in self.definitions.values()], list(self.outputs.values())]
        return frozenset(export_name(self.values, argument) for argument in imports(used))

    def public_parameters(self) -> list[dict[str, str]]:
        """Return the parameters as an API shows them: a NoEcho one is masked."""
        return [
            {"ParameterKey": name, "ParameterValue": "****" if self.is_secret(name) else text}
            | ({"ResolvedValue": self.stored[name]} if name in self.stored else {})
            for name, text in self.parameters.items()
        ]

    def is_secret(self, name: str) -> bool:
        """Return whether a parameter is declared NoEcho."""
        return str(self.declarations.get(name, {}).get("NoEcho", False)).lower() == "true"

    def _definition(self, logical_id: str, item: Mapping[str, Any]) -> Definition:
        properties = pruned(self.values, item.get("Properties") or {})
        named = item.get("DependsOn", [])
        explicit = [named] if isinstance(named, str) else list(named)
        absent = [name for name in explicit if name not in self.processed["Resources"]]
        if absent:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{', '.join(sorted(absent))}] in the "
                "Resources block of the template"
            )
        # A dependency whose condition is not met is no dependency.
        met = {
            name: "Condition" not in other or self.values.condition(other["Condition"])
            for name, other in self.processed["Resources"].items()
        }
        used = {name for name, _ in references(properties)} & set(met)
        default = "Delete"
        return Definition(
            logical_id,
            item["Type"],
            properties,
            frozenset(name for name in used | set(explicit) if met[name]),
            item.get("DeletionPolicy", default),
            item.get("UpdateReplacePolicy", default),
        )

    def _check_references(self, by_id: Mapping[str, Definition]) -> None:
        known = set(by_id) | set(self.values.names) | {"AWS::NoValue"}
        used = {
            "Resources": (pair for item in by_id.values() for pair in references(item.properties)),
            "Outputs": references(list(self.outputs.values())),
        }
        for block, pairs in used.items():
            absent = {name: attribute for name, attribute in pairs if name not in known}
            undefined = next((name for name, attribute in absent.items() if attribute), None)
            if undefined:
                raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {undefined}")
            if absent:
                raise TemplateError(
                    f"Template format error: Unresolved resource dependencies [{', '.join(sorted(absent))}] in the "
                    f"{block} block of the template"
                )
        for name, output in self.outputs.items():
            if not isinstance(output, dict) or "Value" not in output:
                raise TemplateError(f"Template format error: Output {name} must have a Value")
            if "Export" in output:
                _check_export(name, output["Export"], set(by_id))


def _check_export(output_name: str, export: Any, resources: Set[str]) -> None:
    """Refuse an export whose name nobody can know before the deployment."""
    is_named = isinstance(export, dict) and set(export) == {"Name"}
    if not is_named or any(name in resources for name, _ in references(export)) or any(imports(export)):
        raise TemplateError(
            f"Template format error: Output {output_name} is malformed. The Name field of every Export member must be "
            "specified and consist only of alphanumeric characters, colons, or hyphens."
        )
