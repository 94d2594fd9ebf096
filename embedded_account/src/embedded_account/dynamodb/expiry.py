"""DynamoDB: items are gone once the time to live of their table says so.

Source: DynamoDB developer guide, "Using time to live (TTL) in DynamoDB": the attribute is a number of seconds since
1970; what expired more than five years ago is left, and AWS takes up to a few days.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from embedded_account.account import Account

_PERIOD_SECONDS = 3600.0
_FORGOTTEN_SECONDS = 5 * 365 * 86_400


def install(account: Account) -> None:
    """Look each hour of the account's clock for what has expired."""
    account.every("time-to-live", _PERIOD_SECONDS, lambda: remove_expired(account))


def remove_expired(account: Account) -> None:
    """Remove the items whose time is over."""
    from moto.dynamodb.models import dynamodb_backends

    now = account.clock.time()
    for table in list(dynamodb_backends[account.account_id][account.region].tables.values()):
        if table.ttl["TimeToLiveStatus"] == "ENABLED":
            for item in _items(table):
                if _has_expired(item, table.ttl["AttributeName"], now):
                    table.delete_item(item.hash_key, item.range_key)


def _items(table: Any) -> list[Any]:
    """Return the items as of now; requests go on adding some."""
    items: list[Any] = []
    for stored in list(table.items.values()):
        items += list(stored.values()) if table.range_key_attr else [stored]
    return items


def _has_expired(item: Any, attribute: str, now: float) -> bool:
    value = item.attrs.get(attribute)
    if value is None or value.type != "N":
        return False
    try:
        expires_at = Decimal(value.value)
    except InvalidOperation:
        return False
    return now - _FORGOTTEN_SECONDS < expires_at < now
