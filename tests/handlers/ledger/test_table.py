"""handlers/ledger/table.py: items in and out of DynamoDB, and conditional writes."""

import pytest

from handlers.contract.errors import AwsNotFoundError
from handlers.ledger.table import Table


def test_items_come_back_as_they_went(world):
    """Numbers stay numbers, nested values too; reserved words are fine as names."""
    item = {"Id": "a", "Status": "X", "Accuracy": 0.9611, "Count": 3, "Values": [1.5, {"Max": 600.25}], "Flag": True}

    world.table.put(item)

    assert world.table.get("a") == item
    assert world.table.get("b") is None


def test_conditional_writes_tell_whether_they_wrote(world):
    """False means that nothing was written."""
    free = "attribute_not_exists(#Id)"

    assert world.table.put({"Id": "a", "Status": "one"}, free)
    assert not world.table.put({"Id": "a", "Status": "two"}, free)
    assert not world.table.update("a", {"Status": "two"}, "#Status = :other", other="three")
    assert not world.table.delete("a", "#Status = :other", other="three")
    assert world.table.get("a") == {"Id": "a", "Status": "one"}
    assert world.table.update("a", {"Status": "two"}, "#Status = :own", own="one")
    assert world.table.delete("a", "#Status = :own", own="two")
    assert world.table.get("a") is None


def test_update_creates_sets_and_removes(world):
    """None removes an attribute; an item that is not there begins to exist."""
    world.table.update("a", {"One": 1, "Two": 2})

    world.table.update("a", {"One": None, "Three": 3})

    assert world.table.get("a") == {"Id": "a", "Two": 2, "Three": 3}


def test_items_are_found_by_prefix(world):
    """Only keys that begin so."""
    for key in ("token#1", "token#2", "run#1"):
        world.table.put({"Id": key})

    assert sorted(item["Id"] for item in world.table.items("token#")) == ["token#1", "token#2"]


def test_missing_table_is_typed(world):
    """A wrong TABLE_NAME is no ClientError."""
    with pytest.raises(AwsNotFoundError, match="GetItem: ResourceNotFoundException"):
        Table("nothing").get("a")
