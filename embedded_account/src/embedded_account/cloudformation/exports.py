"""Values that stacks export for others to import: unique in the region, and kept while somebody imports them."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from embedded_account.cloudformation.errors import MissingExportError
from embedded_account.cloudformation.requests import Request
from embedded_account.cloudformation.stacks import Stack, Stacks
from embedded_account.errors import ServiceError

Outputs = Sequence[dict[str, str]]

_GONE = frozenset({"DELETE_IN_PROGRESS", "DELETE_COMPLETE", "ROLLBACK_COMPLETE"})
_PAGE = 100


class Exports:
    """What the outputs of stacks export, and which stacks import it."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._setting = Lock()

    def value(self, name: str) -> str:
        """Return the value of an export.

        Raises:
            MissingExportError: no stack exports it.
        """
        for export in self._all():
            if export["Name"] == name:
                return export["Value"]
        raise MissingExportError(f"No export named {name} found")

    def set_outputs(self, stack: Stack, outputs: Outputs) -> str:
        """Give `stack` its outputs; return why it cannot have them, and keeps its own, or nothing."""
        with self._setting:
            problem = self._taken(stack, outputs) or self.in_use(stack, outputs)
            if not problem:
                stack.outputs = list(outputs)
            return problem

    def in_use(self, stack: Stack, outputs: Outputs = ()) -> str:
        """Return which export of `stack` others import that `outputs` would delete or change, or nothing."""
        kept = {item["ExportName"]: item["OutputValue"] for item in outputs if "ExportName" in item}
        for item in stack.outputs:
            name = item.get("ExportName")
            users = self._importers(name) if name and kept.get(name) != item["OutputValue"] else []
            if users:
                verb = "updated" if name in kept else "deleted"
                return f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}"
        return ""

    def list_exports(self, request: Request) -> dict[str, Any]:
        """Return a page of the exports, by name."""
        exports = sorted(self._all(), key=lambda export: export["Name"])
        start = int(request.get("NextToken") or 0)
        more = {"NextToken": str(start + _PAGE)} if len(exports) > start + _PAGE else {}
        return {"Exports": exports[start : start + _PAGE]} | more

    def list_imports(self, request: Request) -> dict[str, Any]:
        """Return the names of the stacks that import an export."""
        name = request["ExportName"]
        users = self._importers(name)
        if not users:
            raise ServiceError("ValidationError", f"Export '{name}' is not imported by any stack.")
        return {"Imports": users}

    def _taken(self, stack: Stack, outputs: Outputs) -> str:
        """Return which export of `outputs` there is already, in another stack or twice in this one."""
        owners = {e["Name"]: e["ExportingStackId"] for e in self._all() if e["ExportingStackId"] != stack.stack_id}
        for name in (item["ExportName"] for item in outputs if "ExportName" in item):
            if name in owners:
                return f"Export with name {name} is already exported by stack {owners[name].split('/')[1]}"
            owners[name] = stack.stack_id
        return ""

    def _importers(self, name: str) -> list[str]:
        """Return the names of the stacks that import `name`, sorted."""
        return sorted(stack.name for stack in self._live() if stack.template and name in stack.template.imports)

    def _all(self) -> list[dict[str, str]]:
        return [
            {"ExportingStackId": stack.stack_id, "Name": item["ExportName"], "Value": item["OutputValue"]}
            for stack in self._live()
            for item in stack.outputs
            if "ExportName" in item
        ]

    def _live(self) -> list[Stack]:
        return [stack for stack in self._stacks.all() if stack.status not in _GONE]
