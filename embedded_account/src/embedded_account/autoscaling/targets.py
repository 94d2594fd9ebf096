"""Scalable targets and the policies by which they are scaled."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from embedded_account.autoscaling.tracking import TrackedMetric

TARGET_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"


@dataclass
class Policy:
    """A policy; one that tracks a target has a metric and two alarms, whose names are under "High" and "Low"."""

    name: str
    arn: str
    config: dict[str, Any]
    metric: TrackedMetric | None
    names: dict[str, str]
    created_at: Any
    kind: str = TRACKING


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
    def resource_id(self) -> str:
        """Return the id of what is scaled."""
        return str(self.description["ResourceId"])
