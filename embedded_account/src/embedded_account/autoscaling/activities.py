"""Scaling activities: each change of a target's capacity, why it was made and how it went."""

import logging
import time
import uuid
from collections import deque
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.autoscaling.dimensions import Dimension, Dimensions

logger = logging.getLogger("embedded_account")

_MAX_ACTIVITIES = 500
_FULFILMENT_SECONDS = 900.0  # real ones
_POLL_SECONDS = 0.2


class Activities:
    """Changes capacities and keeps the record."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._dimensions = account.singleton(Dimensions)
        self._activities: deque[dict[str, Any]] = deque(maxlen=_MAX_ACTIVITIES)

    def of(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the activities that DescribeScalingActivities asks for, newest first."""
        return [
            dict(activity)
            for activity in reversed(self._activities)
            if activity["ResourceId"] == params.get("ResourceId", activity["ResourceId"])
            and activity["ServiceNamespace"] == params["ServiceNamespace"]
        ]

    def capacity(self, target: dict[str, Any]) -> tuple[str, int]:
        """Return the status of what a target's description names, and the capacity that it should have.

        Raises:
            ClientError: there is no such thing.
            KeyError: the endpoint has no such variant.
        """
        return self._dimensions.of(target).capacity(target["ResourceId"])

    def set_capacity(self, target: dict[str, Any], capacity: int, cause: str) -> bool:
        """Bring the target to `capacity` and wait for it; return whether that went well."""
        dimension = self._dimensions.of(target)
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": target["ServiceNamespace"],
            "ResourceId": target["ResourceId"],
            "ScalableDimension": target["ScalableDimension"],
            "Description": f"Setting desired {dimension.subject} to {capacity}.",
            "Cause": cause,
            "StartTime": self._account.clock.now(),
            "StatusCode": "InProgress",
            "StatusMessage": f"Successfully set desired {dimension.subject} to {capacity}. Waiting for change to be "
            f"fulfilled by {dimension.namespace}.",
        }
        self._activities.append(activity)
        try:
            dimension.change(target["ResourceId"], capacity)
            reason = self._wait(dimension, target["ResourceId"])
        except ClientError as error:
            reason = error.response["Error"]["Message"]
        activity |= {"EndTime": self._account.clock.now()} | _outcome(dimension, capacity, reason)
        if reason:
            logger.error("%s of %s failed: %s", activity["Description"], target["ResourceId"], reason)
        return not reason

    def _wait(self, dimension: Dimension, resource_id: str) -> str:
        """Return an empty string once the change is fulfilled, or the reason why it failed."""
        deadline = time.monotonic() + _FULFILMENT_SECONDS
        while time.monotonic() < deadline:
            outcome = dimension.outcome(resource_id)
            if outcome is not None:
                return outcome
            if self._account.stopping.wait(_POLL_SECONDS):
                return "the embedded account stopped"
        return f"{resource_id!r} was not in service again after {_FULFILMENT_SECONDS:.0f} s"


def _outcome(dimension: Dimension, capacity: int, reason: str) -> dict[str, str]:
    if reason:
        message = f"Failed to set desired {dimension.subject} to {capacity}. Reason: {reason}"
        return {"StatusCode": "Failed", "StatusMessage": message}
    message = (
        f"Successfully set desired {dimension.subject} to {capacity}. Change successfully fulfilled by "
        f"{dimension.namespace}."
    )
    return {"StatusCode": "Successful", "StatusMessage": message}
