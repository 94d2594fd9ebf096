"""What is paid for, and where AWS's price list has it.

Source: Price List API, GetProducts: a usage type is an item's own after the region's prefix ("USE1-Train:ml.m5.large",
in some services without one in us-east-1); groups of Lambda's products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Item:
    """One thing with a price; `usage_type` is without the region's prefix, "" where the filters say enough.

    Without `service_code` it is not known under which name AWS's list has it, and the list is not asked.
    """

    name: str
    service_code: str
    usage_type: str = ""
    filters: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_instance(self) -> bool:
        """Tell whether it is an hour of an instance, whose price goes from region to region as EC2's does."""
        return bool(self.instance_type)

    @property
    def instance_type(self) -> str:
        """Return the type of an instance."""
        return self.filters.get("instanceName", "")


def training(instance_type: str) -> Item:
    """Return an hour of an instance in a training job, on demand."""
    return _instance("training", "Train", instance_type)


def hosting(instance_type: str) -> Item:
    """Return an hour of an instance behind an endpoint."""
    return _instance("hosting", "Host", instance_type)


def _instance(what: str, prefix: str, instance_type: str) -> Item:
    filters = {"instanceName": instance_type}
    return Item(f"{what} {instance_type}", "AmazonSageMaker", f"{prefix}:{instance_type}", filters)


def _of_lambda(name: str, group: str) -> Item:
    return Item(name, "AWSLambda", "", {"group": group})


INVOCATION = _of_lambda("an invocation", "AWS-Lambda-Requests")
GB_SECOND = _of_lambda("a GB-second of a function", "AWS-Lambda-Duration")
PROVISIONED_GB_SECOND = _of_lambda("a GB-second kept ready", "AWS-Lambda-Provisioned-Concurrency")
PROVISIONED_DURATION = _of_lambda("a GB-second of a function kept ready", "AWS-Lambda-Duration-Provisioned")
STORAGE_GB_MONTH = Item("a GB and month in S3", "AmazonS3", "TimedStorage-ByteHrs", {"volumeType": "Standard"})
LOG_GB = Item("a GB of logs taken in", "AmazonCloudWatch", "DataProcessing-Bytes")
LOG_GB_MONTH = Item("a GB and month of logs", "AmazonCloudWatch", "TimedStorage-ByteHrs")
SERVERLESS_GB_SECOND = Item("a GB-second of a serverless container", "")
TRANSITION = Item("a state transition", "AmazonStates", "StateTransition")
SERVICES = (
    INVOCATION, GB_SECOND, PROVISIONED_GB_SECOND, PROVISIONED_DURATION, STORAGE_GB_MONTH, LOG_GB, LOG_GB_MONTH,
    TRANSITION,
)  # fmt: skip


def of_stack(values: Mapping[str, str]) -> tuple[Item, ...]:
    """Return what a stack with the template's parameters `values` pays for."""
    jobs = sorted({values["TrainingInstanceType"], values["TuningInstanceType"]})
    is_serverless = values.get("EndpointKind") == "serverless"
    endpoint = SERVERLESS_GB_SECOND if is_serverless else hosting(values["EndpointInstanceType"])
    return (*map(training, jobs), endpoint, *SERVICES)
