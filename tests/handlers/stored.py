"""Rows of the table that have to be there."""

from typing import TypeVar

from handlers.ledger import Ledger, Turn
from handlers.ledger.rows import Row

Kind = TypeVar("Kind", bound=Row)


def stored(kind: type[Kind], ledger: Ledger, name: str) -> Kind:
    """Return the row of this kind and name; fail where there is none."""
    row = kind.get(ledger, name)
    assert row is not None, f"no {kind.__name__} {name!r}"
    return row


def turn(ledger: Ledger) -> Turn:
    """Return whose turn it is; fail where it is no one's."""
    holder = Turn.holder(ledger)
    assert holder is not None, "it is no one's turn"
    return holder
