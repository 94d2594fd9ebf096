"""A ledger in memory, for tests that write too often for a table."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME, _VALUE = re.compile(r"#(\w+)"), re.compile(r":(\w+)")


class _Attributes(dict[str, Any]):
    """An item in which a missing attribute compares as false with everything."""

    def __missing__(self, key: str) -> Any:
        return _NOTHING


class _Nothing:
    def __lt__(self, other: object) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


_NOTHING = _Nothing()


def holds(condition: str, item: Mapping[str, Any] | None, values: Mapping[str, Any]) -> bool:
    """Tell whether a condition of comparisons, AND, OR and attribute_not_exists holds for an item."""
    if not condition:
        return True
    text = re.sub(r"attribute_not_exists\(#(\w+)\)", r"(item['\1'] is nothing)", condition)
    text = _VALUE.sub(r"values['\1']", _NAME.sub(r"item['\1']", text))
    text = re.sub(r"(?<![<>=])=(?!=)", "==", text).replace(" AND ", " and ").replace(" OR ", " or ")
    names = {"item": _Attributes(item or {}), "values": values, "nothing": _NOTHING}
    return bool(eval(text, {"__builtins__": {}}, names))  # noqa: S307 (a condition of ours, from the ledger)


class MemoryTable:
    """What handlers/ledger needs of handlers/ledger/table.py."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        row = self.rows.get(key)
        return dict(row) if row else None

    def put(self, item: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        held = holds(condition, self.rows.get(item["Id"]), values)
        if held:
            self.rows[item["Id"]] = dict(item)
        return held

    def update(self, key: str, changes: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        held = holds(condition, self.rows.get(key), values)
        if held:
            row = self.rows.setdefault(key, {"Id": key})
            row.update({name: value for name, value in changes.items() if value is not None})
            for name in [name for name, value in changes.items() if value is None]:
                row.pop(name, None)
        return held

    def delete(self, key: str, condition: str = "", **values: Any) -> bool:
        held = key not in self.rows or holds(condition, self.rows[key], values)
        if held:
            self.rows.pop(key, None)
        return held

    def items(self, prefix: str) -> Iterator[dict[str, Any]]:
        yield from [dict(row) for key, row in self.rows.items() if key.startswith(prefix)]
