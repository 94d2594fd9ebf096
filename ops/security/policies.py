"""Policy documents: which statements let everybody in, and which allow everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of AWS's own policies those that are made for trying things out.
_BROAD_NAMES = ("AdministratorAccess", "PowerUserAccess")
_EVERYBODY = ("*", {"AWS": "*"}, {"AWS": ["*"]})


def is_broad_name(name: str) -> bool:
    """Return whether a managed policy of AWS gives a whole service or account."""
    return name.endswith("FullAccess") or name in _BROAD_NAMES


def allows_everything(document: Mapping[str, Any]) -> bool:
    """Return whether one of the statements allows every action, or all of one service's, on everything."""
    return any(
        statement.get("Effect") == "Allow"
        and "*" in _listed(statement.get("Resource"))
        and any(action == "*" or action.endswith(":*") for action in _listed(statement.get("Action")))
        for statement in _listed(document.get("Statement"))
    )


def open_statements(document: Mapping[str, Any]) -> list[str]:
    """Return the ids of the statements that allow everybody something, whatever they come from."""
    return [
        str(statement.get("Sid", ""))
        for statement in _listed(document.get("Statement"))
        if statement.get("Effect") == "Allow"
        and statement.get("Principal") in _EVERYBODY
        and not statement.get("Condition")
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
