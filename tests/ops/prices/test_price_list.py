"""AWS's price list gives each product as a text, and the one that is meant is told by its usage type."""

from typing import Any

import pytest

from ops.prices import items, price_list, table
from ops.prices.items import Item
from ops.session import Session


def _product(usage_type: str, *ranges: tuple[str, str], currency: str = "USD") -> dict[str, Any]:
    dimensions = {
        f"rate-{number}": {"beginRange": begin, "unit": "Hrs", "pricePerUnit": {currency: price}}
        for number, (begin, price) in enumerate(ranges)
    }
    terms = {"OnDemand": {"SKU.TERM": {"priceDimensions": dimensions}}}
    return {"product": {"attributes": {"usagetype": usage_type}}, "terms": terms}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (items.training("ml.m5.large"), 0.115),
        (items.hosting("ml.m5.large"), 0.128),
        (items.training("ml.m5.xlarge"), None),
        (items.STORAGE_GB_MONTH, 0.023),
    ],
)
def test_a_product_is_told_by_its_usage_type(item: Item, expected: float | None) -> None:
    """A region's prefix is passed over; another use of the same instance, or a reservation, is another product."""
    products = [
        _product("EU-Notebk:ml.m5.large", ("0", "9")),
        _product("EU-Reserved-Train:ml.m5.large", ("0", "9")),
        _product("EU-Train:ml.m5.large", ("0", "0.115")),
        _product("EU-Host:ml.m5.large", ("0", "0.128")),
        _product("TimedStorage-ByteHrs", ("51200", "0.022"), ("0", "0.023")),
    ]

    assert price_list.price_of(products, item) == expected


@pytest.mark.parametrize(
    "product", [_product("Train:ml.m5.large", ("0", "0")), _product("Train:ml.m5.large", ("0", "1"), currency="CNY")]
)
def test_what_has_no_price_in_dollars_has_none(product: dict[str, Any]) -> None:
    """Neither a free tier nor another currency is taken for a price."""
    assert price_list.price_of([product], items.training("ml.m5.large")) is None


@pytest.mark.account
def test_the_list_is_asked_for_one_item_at_a_time(local_session: Session) -> None:
    """The embedded account answers as AWS does: by region, instance and group, for all that a stack pays for."""
    question = price_list.question(local_session)
    wanted = [items.training("ml.m5.xlarge"), items.hosting("ml.m5.large"), *items.SERVICES]

    answered = [question(item) for item in wanted]

    assert answered == [pytest.approx(table.dollars(item, "us-east-1")) for item in wanted]
    assert question(items.training("ml.x9.huge")) is None
