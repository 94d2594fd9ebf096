"""How long tables keep their items. Source: DynamoDB developer guide, "Using time to live (TTL) in DynamoDB"."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.waiting import eventually

from embedded_account import advance_clock, start, stop

pytestmark = pytest.mark.account

DAY = 86_400
ID, AT = {"AttributeName": "Id", "AttributeType": "S"}, {"AttributeName": "At", "AttributeType": "S"}
HASH, RANGE = {"AttributeName": "Id", "KeyType": "HASH"}, {"AttributeName": "At", "KeyType": "RANGE"}


@pytest.fixture(scope="module")
def ageing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAccount]:
    """Give an account of this module's own, in which days pass."""
    folder = tmp_path_factory.mktemp("ageing") / ".embedded-account"
    yield RunningAccount(start(folder), folder)
    stop(folder)


def _names(dynamodb: Any, table: str) -> set[str]:
    return {item["Id"]["S"] for item in dynamodb.scan(TableName=table)["Items"]}


def _is_gone(dynamodb: Any, table: str, name: str) -> bool:
    return name not in _names(dynamodb, table)


def test_items_are_gone_after_their_time(ageing: RunningAccount) -> None:
    """Those whose time is to come, is no number of seconds or long forgotten stay, as do those of another table."""
    dynamodb, now = ageing.client("dynamodb"), time.time()
    values = {
        "early": {"N": str(int(now + DAY))},
        "late": {"N": f"{now + 30 * DAY:.3f}"},
        "text": {"S": str(int(now + DAY))},
        "forgotten": {"N": str(int(now - 6 * 365 * DAY))},
        "none": None,
    }
    for table, keys in (("plain", ([ID], [HASH])), ("ranged", ([ID, AT], [HASH, RANGE])), ("kept", ([ID], [HASH]))):
        dynamodb.create_table(
            TableName=table, AttributeDefinitions=keys[0], KeySchema=keys[1], BillingMode="PAY_PER_REQUEST"
        )
        for name, value in values.items():
            item = {"Id": {"S": name}, "At": {"S": "x"}} | ({"ExpiresAt": value} if value else {})
            dynamodb.put_item(TableName=table, Item=item)
    for table in ("plain", "ranged"):
        enabled = {"AttributeName": "ExpiresAt", "Enabled": True}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=enabled)

    advance_clock(ageing.info, 2 * DAY)

    for table in ("plain", "ranged"):
        eventually(partial(_is_gone, dynamodb, table, "early"), 20, f"{table} without the early item")
        assert _names(dynamodb, table) == {"late", "text", "forgotten", "none"}
    assert _names(dynamodb, "kept") == set(values)
