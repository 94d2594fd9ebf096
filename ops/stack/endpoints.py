"""The endpoint as it serves now: its status, instances and scaling policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from handlers.contract.names import SERVES_NOTHING
from handlers.ledger import Deployment, Ledger, Run
from ops.errors import unless_gone
from ops.session import Session
from ops.stack import tagged
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

_DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True)
class ScalingPolicy:
    """A target-tracking policy and the limits it works within."""

    name: str
    target: float
    min_instances: int
    max_instances: int

    def __str__(self) -> str:
        """Return it as one line."""
        return (
            f"{self.name}: {self.target:g} invocations a minute and instance,"
            f" {self.min_instances} to {self.max_instances} instances"
        )


@dataclass(frozen=True)
class EndpointState:
    """What DescribeEndpoint and Application Auto Scaling say."""

    name: str
    status: str
    failure_reason: str
    config_name: str
    variants: dict[str, int]
    created_at: datetime
    modified_at: datetime
    policies: tuple[ScalingPolicy, ...]
    serverless: str = ""  # what a serverless endpoint's containers are, in words

    @property
    def num_instances(self) -> int:
        """Return how many instances serve now."""
        return sum(self.variants.values())

    @property
    def capacity(self) -> str:
        """Return what serves now, in words."""
        return self.serverless or f"{self.num_instances} instance{'' if self.num_instances == 1 else 's'}"


def find(session: Session, name: str) -> EndpointState | None:
    """Return the endpoint, or None when there is none."""
    described = unless_gone(session.sagemaker.describe_endpoint, EndpointName=name)
    if described is None:
        return None
    variants = {
        variant["VariantName"]: variant.get("CurrentInstanceCount", 0)
        for variant in described.get("ProductionVariants", [])
    }
    policies = [policy for variant in variants for policy in _policies(session, resource_id(name, variant))]
    return EndpointState(
        name=name,
        status=described["EndpointStatus"],
        failure_reason=described.get("FailureReason", ""),
        config_name=described.get("EndpointConfigName", ""),
        variants=variants,
        created_at=described["CreationTime"],
        modified_at=described["LastModifiedTime"],
        policies=tuple(policies),
        serverless=_serverless(described),
    )


def _serverless(described: DescribeEndpointOutputTypeDef) -> str:
    for variant in described.get("ProductionVariants", []):
        if config := variant.get("CurrentServerlessConfig"):
            most = config["MaxConcurrency"]
            return f"serverless containers of {config['MemorySizeInMB']} MB, at most {most} at one time"
    return ""


def serving(session: Session, stack: Stack) -> tuple[EndpointState, Run] | tuple[None, None]:
    """Return the endpoint and the run whose model it serves; None, twice, for no such endpoint or a model by hand."""
    endpoint = find(session, stack.output("EndpointName"))
    if endpoint is None or endpoint.status in SERVES_NOTHING:
        return None, None
    ledger = Ledger(stack, client=session.dynamodb)
    run = Run.get(ledger, Deployment.before_shadow(ledger, endpoint.config_name))
    return (endpoint, run) if run else (None, None)


def owner(session: Session, name: str) -> str:
    """Return the name of the stack whose endpoint this is, by its tag; "" when there is no endpoint or no such tag."""
    described = unless_gone(session.sagemaker.describe_endpoint, EndpointName=name)
    return tagged.owner(session, described["EndpointArn"]) if described else ""


def resource_id(endpoint_name: str, variant_name: str) -> str:
    """Return the scalable target's id of a variant."""
    return f"endpoint/{endpoint_name}/variant/{variant_name}"


def deregister(session: Session, endpoint_name: str) -> int:
    """Take the endpoint's variants out of autoscaling; return how many were in it."""
    pages = session.autoscaling.get_paginator("describe_scalable_targets").paginate(
        ServiceNamespace="sagemaker", ScalableDimension=_DIMENSION
    )
    targets = [target for page in pages for target in page["ScalableTargets"]]
    mine = [target for target in targets if target["ResourceId"].startswith(f"endpoint/{endpoint_name}/variant/")]
    for target in mine:
        session.autoscaling.deregister_scalable_target(
            ServiceNamespace="sagemaker", ScalableDimension=_DIMENSION, ResourceId=target["ResourceId"]
        )
    return len(mine)


def _policies(session: Session, target: str) -> list[ScalingPolicy]:
    targets = session.autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target], ScalableDimension=_DIMENSION
    )["ScalableTargets"]
    if not targets:
        return []
    policies = session.autoscaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=target, ScalableDimension=_DIMENSION
    )["ScalingPolicies"]
    return [
        ScalingPolicy(
            name=policy["PolicyName"],
            target=policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue", 0.0),
            min_instances=targets[0]["MinCapacity"],
            max_instances=targets[0]["MaxCapacity"],
        )
        for policy in policies
    ]
