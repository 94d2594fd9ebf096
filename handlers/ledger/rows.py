"""The ledger, and what all its rows have in common: the key, and fields as attributes in PascalCase."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from handlers.ledger.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class NamesTable(Protocol):
    """Settings of a handler, or a stack as the command line sees it."""

    @property
    def table_name(self) -> str: ...


@dataclass(frozen=True)
class Ledger:
    """The rows of a stack's table, as one invocation sees them.

    What it claims carries `claimant`: when a write succeeds and its answer is lost, the client's second try meets the
    claim of the first, and a claim of one's own is held.
    """

    settings: NamesTable
    request_id: str = ""
    client: "DynamoDBClient | None" = None

    @cached_property
    def table(self) -> Table:
        return Table(self.settings.table_name, self.client)

    @cached_property
    def claimant(self) -> str:
        """Return who makes claims: Lambda repeats a request under its id, so this invocation has a name beside it."""
        return f"{self.request_id}/{uuid.uuid4().hex}"


@dataclass(frozen=True)
class Row:
    """A row whose first field is its name, which is its key without the prefix."""

    PREFIX: ClassVar[str]

    @classmethod
    def key_of(cls, name: str) -> str:
        """Return the key of the row with this name."""
        return cls.PREFIX + name

    @property
    def key(self) -> str:
        return self.key_of(getattr(self, fields(self)[0].name))

    @classmethod
    def get(cls, ledger: Ledger, name: str) -> Self | None:
        """Return the row as it is now, or None."""
        item = ledger.table.get(cls.key_of(name))
        return cls.from_item(item) if item else None

    @classmethod
    def all(cls, ledger: Ledger) -> Iterator[Self]:
        """Yield every row of this kind."""
        return map(cls.from_item, ledger.table.items(cls.PREFIX))

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return the row that a version of ours, this or an older one, has written."""
        name, *others = fields(cls)
        values = {one.name: item[pascal(one.name)] for one in others if pascal(one.name) in item}
        return cls(**{name.name: item["Id"].removeprefix(cls.PREFIX)}, **values)

    def attributes(self) -> dict[str, Any]:
        """Return the fields that have a value, as attributes."""
        values = {pascal(one.name): getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def item(self) -> dict[str, Any]:
        """Return the whole row as it is stored."""
        return {"Id": self.key, **self.attributes()}

    def change(self, ledger: Ledger, changes: Mapping[str, Any], condition: str = "", **values: Any) -> bool:
        """Set the fields in `changes`, or remove those whose value is None; False if the condition does not hold."""
        assert changes.keys() <= {one.name for one in fields(self)}, f"{type(self).__name__} has no {changes}"  # noqa: S101
        named = {pascal(name): value for name, value in changes.items()}
        return ledger.table.update(self.key, named, condition, **values)


def pascal(name: str) -> str:
    """Return the attribute that keeps a field."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def now() -> str:
    """Return the time as rows carry it, ISO 8601 in UTC; fine enough to tell which upload came first."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def minute(at: str | None) -> str:
    """Return a time of a row, which is UTC, as a person reads it."""
    return (at or "")[:16].replace("T", " ")
