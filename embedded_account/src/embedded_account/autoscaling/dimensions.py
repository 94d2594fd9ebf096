"""What can be scaled: variants of endpoints by their instances, functions by their provisioned concurrency.

Source: Application Auto Scaling user guide, "Amazon SageMaker AI" and "AWS Lambda and Application Auto Scaling".
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.autoscaling.errors import validation_error
from embedded_account.autoscaling.tracking import TrackedMetric
from embedded_account.wiring.refusals import not_carried_out

IN_SERVICE = "InService"


class Dimension(Protocol):
    """One dimension of a service's resources. `least` is the smallest capacity, `subject` what activities call it."""

    namespace: str
    name: str
    least: int
    subject: str
    linked_role: str

    def check(self, resource_id: str) -> None:
        """Return when the resource exists.

        Raises:
            ServiceError: it does not, or its id has another form.
        """

    def capacity(self, resource_id: str) -> tuple[str, int]:
        """Return the resource's status, InService where it can be changed, and the capacity that it should have."""

    def change(self, resource_id: str, capacity: int) -> None:
        """Ask for another capacity."""

    def outcome(self, resource_id: str) -> str | None:
        """Return how a change went: None while it is under way, nothing when it went well, or the reason."""

    def predefined(self, resource_id: str) -> Mapping[str, TrackedMetric]:
        """Return the metrics that a target tracking policy names by a type."""


class Variants:
    """The instances of endpoints' variants."""

    namespace, name, least = "sagemaker", "sagemaker:variant:DesiredInstanceCount", 1
    subject = "instance count"
    linked_role = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"

    def __init__(self, account: Account) -> None:
        self._account = account

    def check(self, resource_id: str) -> None:
        """See Dimension."""
        parts = resource_id.split("/")
        if len(parts) != 4 or parts[0] != "endpoint" or parts[2] != "variant":
            raise validation_error(f"resource ID: {resource_id!r}; it must be endpoint/NAME/variant/NAME")
        try:
            self.capacity(resource_id)
        except (ClientError, KeyError) as error:
            raise validation_error(f"SageMaker variant does not exist: {resource_id}") from error

    def capacity(self, resource_id: str) -> tuple[str, int]:
        """See Dimension."""
        _, endpoint_name, _, variant_name = resource_id.split("/")
        endpoint = self._endpoint(endpoint_name)
        counts = {one["VariantName"]: one["DesiredInstanceCount"] for one in endpoint.get("ProductionVariants", [])}
        return endpoint["EndpointStatus"], counts[variant_name]

    def change(self, resource_id: str, capacity: int) -> None:
        """See Dimension."""
        _, endpoint_name, _, variant_name = resource_id.split("/")
        self._account.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=endpoint_name,
            DesiredWeightsAndCapacities=[{"VariantName": variant_name, "DesiredInstanceCount": capacity}],
        )

    def outcome(self, resource_id: str) -> str | None:
        """See Dimension."""
        endpoint = self._endpoint(resource_id.split("/")[1])
        is_done = endpoint["EndpointStatus"] in {IN_SERVICE, "Failed"}
        return str(endpoint.get("FailureReason", "")) if is_done else None

    def predefined(self, resource_id: str) -> Mapping[str, TrackedMetric]:
        """See Dimension."""
        _, endpoint_name, _, variant_name = resource_id.split("/")
        dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name}
        metric = TrackedMetric("AWS/SageMaker", "InvocationsPerInstance", dimensions, "Sum")
        return {"SageMakerVariantInvocationsPerInstance": metric}

    def _endpoint(self, name: str) -> Any:
        return self._account.client("sagemaker").describe_endpoint(EndpointName=name)


class ProvisionedConcurrency:
    """The provisioned environments of functions' aliases and versions; without any its capacity is 0."""

    namespace, name, least = "lambda", "lambda:function:ProvisionedConcurrency", 0
    subject = "concurrency"
    linked_role = "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
    _ID = re.compile(r"function:([\w-]+):([\w-]+)")

    def __init__(self, account: Account) -> None:
        self._account = account

    def check(self, resource_id: str) -> None:
        """See Dimension."""
        if not self._ID.fullmatch(resource_id):
            raise validation_error(f"resource ID: {resource_id!r}; it must be function:NAME:ALIAS or :VERSION")
        try:
            self._account.client("lambda").get_function(**self._names(resource_id))
        except ClientError as error:
            raise validation_error(f"Lambda function or its qualifier does not exist: {resource_id}") from error

    def capacity(self, resource_id: str) -> tuple[str, int]:
        """See Dimension."""
        config = self._config(resource_id)
        status = str(config.get("Status", ""))
        return status if status == "IN_PROGRESS" else IN_SERVICE, config.get(
            "RequestedProvisionedConcurrentExecutions", 0
        )

    def change(self, resource_id: str, capacity: int) -> None:
        """See Dimension."""
        client, names = self._account.client("lambda"), self._names(resource_id)
        if capacity:
            client.put_provisioned_concurrency_config(**names, ProvisionedConcurrentExecutions=capacity)
        else:
            client.delete_provisioned_concurrency_config(**names)

    def outcome(self, resource_id: str) -> str | None:
        """See Dimension."""
        config = self._config(resource_id)
        if config.get("Status") == "IN_PROGRESS":
            return None
        return str(config.get("StatusReason", ""))

    def predefined(self, resource_id: str) -> Mapping[str, TrackedMetric]:
        """See Dimension."""
        _, function_name, qualifier = resource_id.split(":")
        dimensions = {"FunctionName": function_name, "Resource": f"{function_name}:{qualifier}"}
        metric = TrackedMetric("AWS/Lambda", "ProvisionedConcurrencyUtilization", dimensions, "Average")
        return {"LambdaProvisionedConcurrencyUtilization": metric}

    def _config(self, resource_id: str) -> dict[str, Any]:
        client = self._account.client("lambda")
        try:
            config: dict[str, Any] = client.get_provisioned_concurrency_config(**self._names(resource_id))
        except client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return {}
        return config

    @staticmethod
    def _names(resource_id: str) -> dict[str, str]:
        _, function_name, qualifier = resource_id.split(":")
        return {"FunctionName": function_name, "Qualifier": qualifier}


class Dimensions:
    """The dimensions of an account, by what requests and targets say of theirs."""

    def __init__(self, account: Account) -> None:
        known: tuple[Dimension, ...] = (Variants(account), ProvisionedConcurrency(account))
        self._by_name = {(one.namespace, one.name): one for one in known}

    def of(self, params: Mapping[str, Any]) -> Dimension:
        """Return the dimension of a request or a target.

        Raises:
            ServiceError: it is none that is scaled here.
        """
        dimension = self._by_name.get((params["ServiceNamespace"], params["ScalableDimension"]))
        if dimension is None:
            names = " or ".join(name for _, name in self._by_name)
            raise not_carried_out(f"{params['ServiceNamespace']}, {params['ScalableDimension']}", f"use {names}")
        return dimension
