"""The resources of template.yaml, as the tests look at them."""

import json
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]


def of_type(resources: dict[str, Resource], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type, of which there are some, by logical ID."""
    properties = {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}
    assert properties, f"no {kind}"
    return properties


def listed(value: Any) -> list[Any]:
    """Return what stands in a policy as one value or a list, as a list."""
    return value if isinstance(value, list) else [value]


def refers_to(value: Any, *logical_ids: str) -> bool:
    """Tell whether an intrinsic function names one of the resources."""
    text = json.dumps(value)
    return any(f'"{name}"' in text or f"${{{name}" in text for name in logical_ids)


def statements(resources: dict[str, Resource]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (role, statement) of every policy of every role, both branches of an If included."""
    for role, properties in of_type(resources, "AWS::IAM::Role").items():
        for policy in properties["Policies"]:
            assert policy["PolicyDocument"]["Version"] == "2012-10-17", role
            for statement in policy["PolicyDocument"]["Statement"]:
                branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
                yield from ((role, branch) for branch in branches if "Ref" not in branch)
