"""Endpoint configurations: which models an endpoint runs, on how many instances of which type."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints import capture
from embedded_account.sagemaker.registry.models import Models
from embedded_account.sagemaker.shared import state_events
from embedded_account.sagemaker.shared.listing import page, select
from embedded_account.sagemaker.shared.resources import arn, validation_error
from embedded_account.sagemaker.shared.tags import Tags
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_MEMBERS = ("EndpointConfigName", "ProductionVariants", "DataCaptureConfig", "Tags")
_VARIANT_MEMBERS = (
    "VariantName",
    "ModelName",
    "InitialInstanceCount",
    "InstanceType",
    "InitialVariantWeight",
    "VolumeSizeInGB",
    "ModelDataDownloadTimeoutInSeconds",
    "ContainerStartupHealthCheckTimeoutInSeconds",
)


class EndpointConfigs:
    """Keeps the endpoint configurations of an account; they never change once made."""

    def __init__(self, account: Account, models: Models) -> None:
        self._account = account
        self._tags = account.shared(Tags)
        self._models = models
        self._lock = Lock()
        self._configs: dict[str, dict[str, Any]] = {}
        account.keep_members("endpoint-configs", self, "_configs")

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self.list_summaries,
            "DeleteEndpointConfig": self.delete,
        }

    def get(self, name: str) -> dict[str, Any]:
        """Return the description of the endpoint configuration `name`."""
        config = self._configs.get(name)
        if config is None:
            raise validation_error(
                f'Could not find endpoint configuration "{arn(self._account, "endpoint-config", name)}".'
            )
        return config

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make an endpoint configuration, each of whose variants names a model that exists."""
        refuse("CreateEndpointConfig", params, _MEMBERS)
        name, variants = params["EndpointConfigName"], params["ProductionVariants"]
        for variant in variants:
            self._check_variant(variant)
        if len({variant["VariantName"] for variant in variants}) < len(variants):
            raise validation_error(
                "each production variant of an endpoint configuration needs a VariantName of its own"
            )
        if params.get("DataCaptureConfig"):
            capture.check(params["DataCaptureConfig"])
        config_arn = arn(self._account, "endpoint-config", name)
        with self._lock:
            if name in self._configs:
                raise validation_error(f'Cannot create already existing endpoint configuration "{config_arn}".')
            self._configs[name] = {
                "EndpointConfigName": name,
                "EndpointConfigArn": config_arn,
                "ProductionVariants": [{"InitialVariantWeight": 1.0} | variant for variant in variants],
                "CreationTime": self._account.clock.now(),
                "EnableNetworkIsolation": False,
            } | {key: params[key] for key in ("DataCaptureConfig",) if params.get(key)}
        self._tags.announce(config_arn, params.get("Tags"))
        state_events.put_resource_event(self._account, "Endpoint Config", self._configs[name], config_arn)
        return {"EndpointConfigArn": config_arn}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the configuration as it was made."""
        return self.get(params["EndpointConfigName"])

    def list_summaries(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with a page of the configurations that the filters leave."""
        summaries = [
            {key: config[key] for key in ("EndpointConfigName", "EndpointConfigArn", "CreationTime")}
            for config in list(self._configs.values())
        ]
        return page(select(summaries, params, name_key="EndpointConfigName"), params, "EndpointConfigs")

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a configuration; an endpoint that was made from it goes on."""
        config = self.get(params["EndpointConfigName"])
        with self._lock:
            self._configs.pop(params["EndpointConfigName"], None)
        config_arn = config["EndpointConfigArn"]
        state_events.put_resource_event(self._account, "Endpoint Config", config, config_arn)
        self._tags.forget(config_arn)
        return {}

    def _check_variant(self, variant: dict[str, Any]) -> None:
        refuse("CreateEndpointConfig.ProductionVariants", variant, _VARIANT_MEMBERS)
        if not variant.get("ModelName") or not variant.get("InstanceType"):
            raise validation_error(f"production variant {variant['VariantName']!r} needs ModelName and InstanceType")
        if variant.get("InitialInstanceCount", 0) < 1:
            raise validation_error(
                f"production variant {variant['VariantName']!r} needs an InitialInstanceCount of 1 up"
            )
        self._models.get(variant["ModelName"])
