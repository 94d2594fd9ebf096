"""Prices of us-east-1 with their date, for where AWS's price list cannot be asked.

Other regions: an instance's price goes as that of EC2's m5 there; services are billed at us-east-1's price, which is
theirs in most regions. Where a region's is not known, us-east-1's stands and is said to be that.
Source: https://aws.amazon.com/sagemaker/pricing/, ec2, lambda, s3, cloudwatch and step-functions, on demand.
"""

from __future__ import annotations

from ops.prices import items
from ops.prices.items import Item

DATE = "2025"
REGION = "us-east-1"
# US dollars an hour, the same in a training job and behind an endpoint.
INSTANCES = {
    "ml.t2.medium": 0.056, "ml.t3.medium": 0.05, "ml.t3.large": 0.10,
    "ml.m5.large": 0.115, "ml.m5.xlarge": 0.230, "ml.m5.2xlarge": 0.461, "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765, "ml.m5.24xlarge": 5.530,
    "ml.m6i.large": 0.115, "ml.m6i.xlarge": 0.230, "ml.m6i.2xlarge": 0.461,
    "ml.c5.large": 0.102, "ml.c5.xlarge": 0.204, "ml.c5.2xlarge": 0.408, "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836, "ml.c5.18xlarge": 3.672,
    "ml.c6i.large": 0.102, "ml.c6i.xlarge": 0.204, "ml.c6i.2xlarge": 0.408, "ml.c6i.4xlarge": 0.816,
    "ml.g4dn.xlarge": 0.736, "ml.g4dn.2xlarge": 0.940, "ml.g4dn.4xlarge": 1.505, "ml.g4dn.8xlarge": 2.720,
    "ml.g4dn.12xlarge": 4.890, "ml.g4dn.16xlarge": 5.440,
    "ml.g5.xlarge": 1.408, "ml.g5.2xlarge": 1.515, "ml.g5.4xlarge": 2.030, "ml.g5.8xlarge": 3.060,
    "ml.g5.12xlarge": 7.090, "ml.g5.16xlarge": 5.120, "ml.g5.24xlarge": 10.180, "ml.g5.48xlarge": 20.360,
    "ml.g6.xlarge": 1.1267, "ml.g6.2xlarge": 1.222,
    "ml.p3.2xlarge": 3.825, "ml.p3.8xlarge": 14.688, "ml.p3.16xlarge": 28.152,
}  # fmt: skip
SERVICES = {
    items.INVOCATION: 0.20e-6,
    items.GB_SECOND: 0.0000166667,
    items.PROVISIONED_GB_SECOND: 0.0000041667,
    items.PROVISIONED_DURATION: 0.0000097222,
    items.SERVERLESS_GB_SECOND: 0.00002,
    items.STORAGE_GB_MONTH: 0.023,
    items.LOG_GB: 0.50,
    items.LOG_GB_MONTH: 0.03,
    items.TRANSITION: 0.025e-3,
}
# EC2's m5 there to us-east-1's.
_FACTORS = {
    "us-east-1": 1.0, "us-east-2": 1.0, "us-west-1": 1.167, "us-west-2": 1.0, "us-gov-west-1": 1.260,
    "us-gov-east-1": 1.260, "ca-central-1": 1.115, "sa-east-1": 1.594,
    "eu-west-1": 1.115, "eu-west-2": 1.156, "eu-west-3": 1.167, "eu-central-1": 1.198, "eu-central-2": 1.318,
    "eu-north-1": 1.063, "eu-south-1": 1.167, "eu-south-2": 1.115,
    "ap-northeast-1": 1.292, "ap-northeast-2": 1.229, "ap-northeast-3": 1.292, "ap-south-1": 1.052,
    "ap-south-2": 1.052, "ap-southeast-1": 1.250, "ap-southeast-2": 1.250, "ap-southeast-3": 1.250,
    "ap-southeast-4": 1.250, "ap-east-1": 1.375, "me-south-1": 1.227, "me-central-1": 1.229, "af-south-1": 1.323,
}  # fmt: skip


def dollars(item: Item, region: str) -> float | None:
    """Return the price of one unit, as well as it is known; None for an instance that the table does not have."""
    if not item.is_instance:
        return SERVICES.get(item)
    price = INSTANCES.get(item.instance_type)
    return None if price is None else price * _FACTORS.get(region, 1.0)


def words(region: str) -> str:
    """Return what the prices are of."""
    what = f"prices of {DATE} for {REGION}, on demand, from this version's table"
    if region == REGION:
        return what
    if region not in _FACTORS:
        return f"{what}; those of {region} are not known and may be higher"
    return f"{what}; instances at {_FACTORS[region]:g} times that, as EC2's in {region}"
