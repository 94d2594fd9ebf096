"""The variants of an endpoint that Application Auto Scaling scales: what they forbid, and how they end with it."""

from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints.endpoint import Endpoint
from embedded_account.sagemaker.shared.resources import validation_error

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def check(account: Account, endpoint: Endpoint, config: dict[str, Any]) -> None:
    """Refuse, as AWS does, to remove or to change the instance type of a variant that is a scalable target."""
    new_types = {entry["VariantName"]: entry.get("InstanceType") for entry in config["ProductionVariants"]}
    scaled = {target["ResourceId"].rpartition("/")[2] for target in _registered(account, endpoint)}
    blocked = [
        name
        for name, variant in endpoint.variants.items()
        if name in scaled and new_types.get(name) != variant.config.get("InstanceType")
    ]
    if blocked:
        raise validation_error(
            f'The variant(s) "[{", ".join(blocked)}]" must be deregistered as scalable targets with AWS Auto '
            "Scaling before they can be removed or have their instance type updated."
        )


def _registered(account: Account, endpoint: Endpoint) -> list[dict[str, Any]]:
    ids = [f"endpoint/{endpoint.name}/variant/{name}" for name in endpoint.variants]
    if not ids:
        return []
    answer = account.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=ids, ScalableDimension=_DIMENSION
    )
    targets: list[dict[str, Any]] = answer["ScalableTargets"]
    return targets


def deregister(account: Account, endpoint: Endpoint) -> None:
    """Deregister the variants of an endpoint that is deleted, as AWS does."""
    client = account.client("application-autoscaling")
    for target in _registered(account, endpoint):
        try:
            client.deregister_scalable_target(
                ServiceNamespace="sagemaker", ResourceId=target["ResourceId"], ScalableDimension=_DIMENSION
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ObjectNotFoundException":
                raise
