"""Policy documents: which statements let everybody in, and which allow everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of AWS's own policies those that are made for trying things out.
_BROAD_NAMES = ("AdministratorAccess", "PowerUserAccess")
# Conditions on how one asks, which keep nobody out. Source: S3 user guide, "The meaning of public", has those that do.
_HOW_ALONE = ("aws:securetransport", "aws:useragent", "aws:referer", "aws:currenttime", "s3:tlsversion")


def is_broad_name(name: str) -> bool:
    """Return whether a managed policy of AWS gives a whole service or account."""
    return name.endswith("FullAccess") or name in _BROAD_NAMES


def allows_everything(document: Mapping[str, Any]) -> bool:
    """Return whether one of the statements allows every action, or all of one service's, on everything."""
    return any(
        statement.get("Effect") == "Allow"
        and "*" in _listed(statement.get("Resource"))
        and ("NotAction" in statement or any(map(_is_whole, _listed(statement.get("Action")))))
        for statement in _listed(document.get("Statement"))
    )


def open_statements(document: Mapping[str, Any]) -> list[str]:
    """Return the ids of the statements that allow everybody something, whatever they come from."""
    return [
        str(statement.get("Sid", ""))
        for statement in _listed(document.get("Statement"))
        if statement.get("Effect") == "Allow"
        and _names_everybody(statement.get("Principal"))
        and not _keeps_out(statement.get("Condition") or {})
    ]


def _is_whole(action: str) -> bool:
    return action == "*" or action.endswith(":*")


def _names_everybody(principal: Any) -> bool:
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    return "*" in _listed(named)


def _keeps_out(condition: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a condition asks who somebody is, or from where."""
    return any(key.lower() not in _HOW_ALONE for keys in condition.values() for key in keys)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
