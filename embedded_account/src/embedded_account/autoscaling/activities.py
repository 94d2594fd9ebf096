"""Scaling activities: each change of a target's capacity, why it was made and how it went."""

import logging
import time
import uuid
from collections import deque
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account

logger = logging.getLogger("embedded_account")

_MAX_ACTIVITIES = 500
_FULFILMENT_SECONDS = 900.0  # real ones
_POLL_SECONDS = 0.2


class Activities:
    """Changes the instance count of variants and keeps the record."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._activities: deque[dict[str, Any]] = deque(maxlen=_MAX_ACTIVITIES)

    def of(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the activities that DescribeScalingActivities asks for, newest first."""
        return [
            dict(activity)
            for activity in reversed(self._activities)
            if activity["ResourceId"] == params.get("ResourceId", activity["ResourceId"])
        ]

    def capacity(self, endpoint_name: str, variant_name: str) -> tuple[str, int]:
        """Return the endpoint's status and how many instances the variant should have.

        Raises:
            ClientError: there is no such endpoint.
            KeyError: it has no such variant.
        """
        endpoint = self._account.client("sagemaker").describe_endpoint(EndpointName=endpoint_name)
        counts = {one["VariantName"]: one["DesiredInstanceCount"] for one in endpoint.get("ProductionVariants", [])}
        return endpoint["EndpointStatus"], counts[variant_name]

    def set_capacity(self, target: dict[str, Any], capacity: int, cause: str) -> bool:
        """Bring the variant to `capacity` instances and wait for them; return whether that went well."""
        _, endpoint_name, _, variant_name = target["ResourceId"].split("/")
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": target["ServiceNamespace"],
            "ResourceId": target["ResourceId"],
            "ScalableDimension": target["ScalableDimension"],
            "Description": f"Setting desired instance count to {capacity}.",
            "Cause": cause,
            "StartTime": self._account.clock.now(),
            "StatusCode": "InProgress",
            "StatusMessage": f"Successfully set desired instance count to {capacity}. Waiting for change to be "
            "fulfilled by sagemaker.",
        }
        self._activities.append(activity)
        try:
            self._account.client("sagemaker").update_endpoint_weights_and_capacities(
                EndpointName=endpoint_name,
                DesiredWeightsAndCapacities=[{"VariantName": variant_name, "DesiredInstanceCount": capacity}],
            )
            reason = self._wait(endpoint_name)
        except ClientError as error:
            reason = error.response["Error"]["Message"]
        activity |= {"EndTime": self._account.clock.now()} | _outcome(capacity, reason)
        if reason:
            logger.error("%s of %s failed: %s", activity["Description"], target["ResourceId"], reason)
        return not reason

    def _wait(self, endpoint_name: str) -> str:
        """Return an empty string once the endpoint is in service again, or the reason why the change failed."""
        deadline = time.monotonic() + _FULFILMENT_SECONDS
        while time.monotonic() < deadline:
            endpoint = self._account.client("sagemaker").describe_endpoint(EndpointName=endpoint_name)
            if endpoint["EndpointStatus"] in {"InService", "Failed"}:
                return str(endpoint.get("FailureReason", ""))
            if self._account.stopping.wait(_POLL_SECONDS):
                return "the embedded account stopped"
        return f"endpoint {endpoint_name!r} was not in service again after {_FULFILMENT_SECONDS:.0f} s"


def _outcome(capacity: int, reason: str) -> dict[str, str]:
    if reason:
        message = f"Failed to set desired instance count to {capacity}. Reason: {reason}"
        return {"StatusCode": "Failed", "StatusMessage": message}
    message = f"Successfully set desired instance count to {capacity}. Change successfully fulfilled by sagemaker."
    return {"StatusCode": "Successful", "StatusMessage": message}
