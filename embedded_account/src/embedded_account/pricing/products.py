"""The products that the account's price list has, with us-east-1's prices of 2025, whichever region it plays.

Source: https://aws.amazon.com/sagemaker/pricing/, lambda, s3, cloudwatch and step-functions; names of services,
attributes and usage types as the Price List API has them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PUBLISHED = "2025-12-01T00:00:00Z"
_INSTANCES = {
    "ml.t2.medium": 0.056, "ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.m5.2xlarge": 0.461, "ml.m5.4xlarge": 0.922,
    "ml.c5.large": 0.102, "ml.c5.xlarge": 0.204, "ml.c5.2xlarge": 0.408, "ml.c5.4xlarge": 0.816,
    "ml.g4dn.xlarge": 0.736, "ml.g4dn.2xlarge": 0.94, "ml.g5.xlarge": 1.408, "ml.g5.2xlarge": 1.515,
    "ml.p3.2xlarge": 3.825,
}  # fmt: skip
_COMPONENTS = {"Train": "Training", "Host": "Hosting"}
_LAMBDA = {
    "AWS-Lambda-Requests": ("Request", "Requests", 0.0000002),
    "AWS-Lambda-Duration": ("Lambda-GB-Second", "Lambda-GB-Second", 0.0000166667),
    "AWS-Lambda-Provisioned-Concurrency": ("Lambda-Provisioned-Concurrency", "Lambda-GB-Second", 0.0000041667),
    "AWS-Lambda-Duration-Provisioned": ("Lambda-Provisioned-GB-Second", "Lambda-GB-Second", 0.0000097222),
}


@dataclass(frozen=True)
class Product:
    """One thing with a price in dollars; `attributes` tell it from others."""

    service_code: str
    family: str
    attributes: dict[str, str]
    unit: str
    dollars: float

    def text(self) -> str:
        """Return it as GetProducts gives it, which is JSON in a string."""
        sku = hashlib.sha256(json.dumps([self.service_code, self.attributes]).encode()).hexdigest()[:16].upper()
        dimension = {
            "unit": self.unit,
            "beginRange": "0",
            "endRange": "Inf",
            "description": f"${self.dollars:.10f} per {self.unit}",
            "appliesTo": [],
            "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
            "pricePerUnit": {"USD": f"{self.dollars:.10f}"},
        }
        term = {
            "priceDimensions": {dimension["rateCode"]: dimension},
            "sku": sku,
            "effectiveDate": PUBLISHED,
            "offerTermCode": "JRTCKXETXF",
            "termAttributes": {},
        }
        told: dict[str, Any] = {
            "product": {"productFamily": self.family, "attributes": self.attributes, "sku": sku},
            "serviceCode": self.service_code,
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
            "version": PUBLISHED[:10].replace("-", ""),
            "publicationDate": PUBLISHED,
        }
        return json.dumps(told)


def products(region: str) -> list[Product]:
    """Return everything that the list has for a region."""
    return [*_instances(region), *_functions(region), *_others(region)]


def _instances(region: str) -> Iterator[Product]:
    for kind, dollars in _INSTANCES.items():
        for prefix, component in _COMPONENTS.items():
            own = {"instanceName": kind, "instanceType": f"{kind}-{component}", "component": component}
            attributes = _attributes(region, "AmazonSageMaker", f"{prefix}:{kind}", **own)
            yield Product("AmazonSageMaker", "ML Instance", attributes, "Hrs", dollars)


def _functions(region: str) -> Iterator[Product]:
    for group, (usage_type, unit, dollars) in _LAMBDA.items():
        yield Product(
            "AWSLambda", "Serverless", _attributes(region, "AWSLambda", usage_type, group=group), unit, dollars
        )


def _others(region: str) -> Iterator[Product]:
    storage = _attributes(region, "AmazonS3", "TimedStorage-ByteHrs", volumeType="Standard")
    yield Product("AmazonS3", "Storage", storage, "GB-Mo", 0.023)
    taken_in = _attributes(region, "AmazonCloudWatch", "DataProcessing-Bytes", group="Ingested Logs")
    yield Product("AmazonCloudWatch", "Data Payload", taken_in, "GB", 0.5)
    kept = _attributes(region, "AmazonCloudWatch", "TimedStorage-ByteHrs")
    yield Product("AmazonCloudWatch", "Storage Snapshot", kept, "GB-Mo", 0.03)
    transition = _attributes(region, "AmazonStates", "StateTransition")
    yield Product("AmazonStates", "AWS Step Functions", transition, "StateTransitions", 0.000025)


def _attributes(region: str, service_code: str, usage_type: str, **own: str) -> dict[str, str]:
    """Return the attributes; a usage type begins with the region's prefix, which in us-east-1 not all services have."""
    prefix = "" if service_code in ("AWSLambda", "AmazonS3") and region == "us-east-1" else f"{_prefix(region)}-"
    common = {"servicecode": service_code, "regionCode": region, "locationType": "AWS Region"}
    return {**common, "usagetype": f"{prefix}{usage_type}", **own}


def _prefix(region: str) -> str:
    """Return a prefix such as USE1; some older regions have others, such as EU for eu-west-1."""
    area, *direction, number = region.split("-")
    return (area + "".join(word[0] for word in direction) + number).upper()
