"""What docs/openapi.yaml says of the prediction function, to hold answers to."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[1] / "docs" / "openapi.yaml").read_text(encoding="utf-8")
)


def validator(name: str) -> Draft202012Validator:
    """Return a validator of one schema of the document."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})
