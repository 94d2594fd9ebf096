"""Scalable targets, which are variants of endpoints, and the policies by which they are scaled."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from embedded_account.autoscaling.tracking import TrackedMetric
from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import not_carried_out

NAMESPACE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
TARGET_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


@dataclass
class Policy:
    """A target tracking policy; `names` are those of its alarms, under "High" and "Low"."""

    name: str
    arn: str
    config: dict[str, Any]
    metric: TrackedMetric
    names: dict[str, str]
    created_at: Any


@dataclass
class Target:
    """A scalable target. Times of the last scale-out and scale-in are of the account's clock."""

    description: dict[str, Any]
    policies: dict[str, Policy] = field(default_factory=dict)
    scaled_out_at: float = float("-inf")
    scaled_in_at: float = float("-inf")
    scaled_out_from: int = 0  # the capacity before the last scale-out that no cooldown held back
    busy: Lock = field(default_factory=Lock)

    @property
    def endpoint_name(self) -> str:
        """Return the endpoint's name."""
        return str(self.description["ResourceId"].split("/")[1])

    @property
    def variant_name(self) -> str:
        """Return the variant's name."""
        return str(self.description["ResourceId"].split("/")[3])


def checked_resource(params: dict[str, Any]) -> str:
    """Return the ResourceId of `params`.

    Raises:
        ServiceError: it is no variant of an endpoint.
    """
    if params["ServiceNamespace"] != NAMESPACE or params["ScalableDimension"] != DIMENSION:
        raise not_carried_out(f"{params['ServiceNamespace']}, {params['ScalableDimension']}", f"use {DIMENSION}")
    resource_id = str(params["ResourceId"])
    parts = resource_id.split("/")
    if len(parts) != 4 or parts[0] != "endpoint" or parts[2] != "variant":
        raise validation_error(f"resource ID: {resource_id!r}; it must be endpoint/NAME/variant/NAME")
    return resource_id


def not_found(what: str, params: dict[str, Any], more: str) -> ServiceError:
    """Return the error of a request for `what`, named by its target and by `more`, that is not there."""
    return ServiceError(
        "ObjectNotFoundException",
        f"No {what} found for service namespace: {params['ServiceNamespace']}, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {params['ScalableDimension']}{more}",
    )


def validation_error(message: str) -> ServiceError:
    """Return the error of a request that is well formed and yet cannot be met."""
    return ServiceError("ValidationException", message)
