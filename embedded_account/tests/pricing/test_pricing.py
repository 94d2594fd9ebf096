"""The price list: products are found by their attributes and carry a price, in AWS's form."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pricing.products import products
from embedded_account.pytest_plugin import RunningAccount


@pytest.fixture
def pricing(account: RunningAccount) -> Any:
    """Give a client of the service."""
    return account.client("pricing")


def _match(**attributes: str) -> list[dict[str, str]]:
    return [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in attributes.items()]


def test_a_product_is_found_by_its_attributes(pricing: Any) -> None:
    """One instance in one use and region, with an hourly price in dollars."""
    wanted = _match(instanceName="ml.m5.xlarge", component="Training", regionCode="us-east-1")

    (text,) = pricing.get_products(ServiceCode="AmazonSageMaker", Filters=wanted)["PriceList"]

    product = json.loads(text)
    assert product["product"]["attributes"]["usagetype"] == "USE1-Train:ml.m5.xlarge"
    (term,) = product["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert (dimension["unit"], float(dimension["pricePerUnit"]["USD"])) == ("Hrs", 0.23)


def test_pages_hold_every_product_once(pricing: Any) -> None:
    """The paginator goes through all of a service's products."""
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonSageMaker", PaginationConfig={"PageSize": 5}
    )

    skus = [json.loads(text)["product"]["sku"] for page in pages for text in page["PriceList"]]

    assert len(skus) == len(set(skus)) == sum(one.service_code == "AmazonSageMaker" for one in products("us-east-1"))


def test_services_and_values_are_listed(pricing: Any) -> None:
    """What there is to filter by, and which values it has."""
    services = {one["ServiceCode"]: one["AttributeNames"] for one in pricing.describe_services()["Services"]}
    values = pricing.get_attribute_values(ServiceCode="AWSLambda", AttributeName="group")["AttributeValues"]

    assert "usagetype" in services["AmazonS3"]
    assert {"Value": "AWS-Lambda-Duration"} in values


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"ServiceCode": "AmazonNothing"}, "NotFoundException.*AmazonNothing"),
        ({"ServiceCode": "AWSLambda", "NextToken": "x"}, "InvalidNextTokenException"),
        (
            {"ServiceCode": "AWSLambda", "Filters": [{"Type": "CONTAINS", "Field": "group", "Value": "A"}]},
            "NotImplemented.*Type",
        ),
    ],
)
def test_what_is_not_there_is_refused(pricing: Any, asked: dict[str, Any], expected: str) -> None:
    """A service, a token, a kind of filter."""
    with pytest.raises(ClientError, match=expected):
        pricing.get_products(**asked)


def test_files_of_the_list_are_refused(pricing: Any) -> None:
    """Files of the whole list are not among what there is."""
    with pytest.raises(ClientError, match=r"NotImplemented.*pricing:ListPriceLists"):
        pricing.list_price_lists(ServiceCode="AWSLambda", EffectiveDate=0, CurrencyCode="USD")


@pytest.mark.parametrize(
    ("region", "expected"),
    [("us-east-1", "Request"), ("eu-central-1", "EUC1-Request"), ("ap-northeast-2", "APN2-Request")],
)
def test_usage_types_begin_with_their_region(region: str, expected: str) -> None:
    """In us-east-1 Lambda's have no prefix."""
    (request,) = [one for one in products(region) if one.attributes.get("group") == "AWS-Lambda-Requests"]

    assert request.attributes["usagetype"] == expected
