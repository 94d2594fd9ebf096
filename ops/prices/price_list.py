"""AWS's price list, asked for one item in one region; asking is free of charge.

Source: Price List API user guide, "Finding services and products using the AWS Price List Query API": the endpoint is
in us-east-1 for all regions, and in cn-northwest-1 for China's; each product is a JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from ops.prices.items import Item
from ops.session import Session

PERMISSION = "pricing:GetProducts"
_MOST = 300  # products of one item


def question(session: Session) -> Callable[[Item], float | None]:
    """Return what asks AWS for an item's price in the session's region; None where its list has none in dollars."""

    @cache
    def pages() -> Any:
        """Return the client's pages; it is made with the first question, of which mostly there is none."""
        return session.quick_client("pricing", session.billing_region).get_paginator("get_products")

    def dollars(item: Item) -> float | None:
        wanted = {"regionCode": session.region, **item.filters}
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
        listed = pages().paginate(
            ServiceCode=item.service_code, Filters=filters, PaginationConfig={"MaxItems": _MOST, "PageSize": 100}
        )
        return price_of((json.loads(text) for page in listed for text in page["PriceList"]), item)

    return dollars


def price_of(products: Iterable[Mapping[str, Any]], item: Item) -> float | None:
    """Return the price on demand of the product that is `item`; where it falls with the quantity, the first one."""
    wanted = re.compile(rf"([A-Z0-9]+-)?{re.escape(item.usage_type)}" if item.usage_type else ".*")
    for product in products:
        if not wanted.fullmatch(product["product"]["attributes"].get("usagetype", "")):
            continue
        terms = product.get("terms", {}).get("OnDemand", {}).values()
        prices = [_range(dimension) for term in terms for dimension in term["priceDimensions"].values()]
        known = [price for price in sorted(prices) if price[1] > 0]
        if known:
            return known[0][1]
    return None


def _range(dimension: Mapping[str, Any]) -> tuple[float, float]:
    """Return from which quantity on a price holds, and the price; 0 where it is in another currency, or free."""
    return float(dimension.get("beginRange") or 0), float(dimension["pricePerUnit"].get("USD", 0))
