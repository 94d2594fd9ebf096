"""The operations on the price list.

Source: Price List API reference, each operation's page.
"""

from collections.abc import Sequence
from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.pricing.products import Product, products
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_PAGE = 100


def operations(region: str) -> dict[str, Operation]:
    """Return the operations by their names, on the list of a region."""
    listed = products(region)
    return {
        "GetProducts": lambda params: _products(listed, params),
        "DescribeServices": lambda params: _services(listed, params),
        "GetAttributeValues": lambda params: _values(listed, params),
    }


def _products(listed: Sequence[Product], params: dict[str, Any]) -> dict[str, Any]:
    refuse("GetProducts", params, ("ServiceCode", "Filters", "FormatVersion", "NextToken", "MaxResults"))
    own = _of_service(listed, params["ServiceCode"])
    for one in params.get("Filters", []):
        refuse("GetProducts.Filters", one, {"Type": ("TERM_MATCH",), "Field": (), "Value": ()})
        own = [product for product in own if _matches(product, one["Field"], one["Value"])]
    texts, more = _page([product.text() for product in own], params)
    return {"FormatVersion": "aws_v1", "PriceList": texts, **more}


def _services(listed: Sequence[Product], params: dict[str, Any]) -> dict[str, Any]:
    refuse("DescribeServices", params, ("ServiceCode", "FormatVersion", "NextToken", "MaxResults"))
    code = params.get("ServiceCode")
    named = _of_service(listed, code) if code else listed
    attributes: dict[str, set[str]] = {}
    for product in named:
        attributes.setdefault(product.service_code, {"productFamily"}).update(product.attributes)
    services = [{"ServiceCode": name, "AttributeNames": sorted(attributes[name])} for name in sorted(attributes)]
    page, more = _page(services, params)
    return {"FormatVersion": "aws_v1", "Services": page, **more}


def _values(listed: Sequence[Product], params: dict[str, Any]) -> dict[str, Any]:
    refuse("GetAttributeValues", params, ("ServiceCode", "AttributeName", "NextToken", "MaxResults"))
    name, known = params["AttributeName"], _of_service(listed, params["ServiceCode"])
    values = sorted({product.attributes[name] for product in known if name in product.attributes})
    page, more = _page([{"Value": value} for value in values], params)
    return {"AttributeValues": page, **more}


def _of_service(listed: Sequence[Product], code: str) -> list[Product]:
    """Return a service's products.

    Raises:
        ServiceError: NotFoundException, the list has no such service.
    """
    own = [product for product in listed if product.service_code == code]
    if not own:
        raise ServiceError("NotFoundException", f"Invalid service code: {code}")
    return own


def _matches(product: Product, field: str, value: str) -> bool:
    known = {"ServiceCode": product.service_code, "productFamily": product.family, **product.attributes}
    return known.get(field, "").lower() == value.lower()


def _page(entries: Sequence[Any], params: dict[str, Any]) -> tuple[list[Any], dict[str, str]]:
    """Return the entries of a page, and the token of the next one where there is one.

    Raises:
        ServiceError: InvalidNextTokenException, the token is none of ours.
    """
    token, size = str(params.get("NextToken") or "0"), min(int(params.get("MaxResults") or _PAGE), _PAGE)
    if not token.isascii() or not token.isdigit():
        raise ServiceError("InvalidNextTokenException", f"Invalid NextToken: {token}")
    end = int(token) + size
    return list(entries[int(token) : end]), {"NextToken": str(end)} if end < len(entries) else {}
