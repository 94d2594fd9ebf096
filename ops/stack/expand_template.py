"""The plain CloudFormation form of template.yaml with the state machine in it, for tools that know no SAM.

    python -m ops.stack.expand_template > build/expanded.json
    cfn-lint build/expanded.json

Packaging is left out: what the SAM form names by a local path becomes a stand-in S3 URI.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any

from ops.session import REPOSITORY

TEMPLATE = REPOSITORY / "template.yaml"
_STAND_IN_URI = "s3://artifacts/asset"


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the SAM template as data; short forms such as !Ref become their long ones."""
    from samtranslator.yaml_helper import yaml_parse

    loaded: dict[str, Any] = yaml_parse(path.read_text(encoding="utf-8"))
    return loaded


def expand(template: dict[str, Any], parameters: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the CloudFormation form of the SAM `template`, which is left as it is.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: the template is not valid SAM.
    """
    from samtranslator.translator.transform import transform

    prepared = copy.deepcopy(template)
    definitions = _replace_local_paths(prepared)
    # The translator looks for a region when it picks the partition.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    expanded: dict[str, Any] = transform(prepared, parameters or {}, _NoManagedPolicies())
    _restore_definitions(expanded, definitions)
    return expanded


class _NoManagedPolicies:
    """Stands where the translator would ask IAM; no function of ours names a managed policy."""

    def load(self) -> dict[str, str]:
        return {}


def _replace_local_paths(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Put stand-in URIs for local paths; return the state machines' definitions by logical id."""
    definitions = {}
    template["Globals"]["Function"]["CodeUri"] = _STAND_IN_URI
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if "ContentUri" in properties:
            properties["ContentUri"] = _STAND_IN_URI
        if "DefinitionUri" in properties:
            path = REPOSITORY / properties["DefinitionUri"]
            # cfn-lint and asl-validator know no substitution in an ARN's partition, and of partitions aws alone.
            definitions[name] = json.loads(path.read_text(encoding="utf-8").replace("${Partition}", "aws"))
            properties["DefinitionUri"] = _STAND_IN_URI
    return definitions


def _restore_definitions(template: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> None:
    """Inline each definition as an object: cfn-lint checks no other form of it."""
    for name, definition in definitions.items():
        properties = template["Resources"][name]["Properties"]
        del properties["DefinitionS3Location"]
        properties["Definition"] = definition


def main() -> None:
    """Print the expanded form as JSON."""
    sys.stdout.write(json.dumps(expand(read_template()), indent=2) + "\n")


if __name__ == "__main__":
    main()
