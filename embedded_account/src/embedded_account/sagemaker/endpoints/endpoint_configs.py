"""Endpoint configurations: which models an endpoint runs, on how many instances of which type."""

from collections.abc import Mapping
from typing import Any

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints import async_configs, capture, serverless, shadows
from embedded_account.sagemaker.registry.models import Models
from embedded_account.sagemaker.shared.fixed_resources import FixedResources
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_OPTIONAL = ("DataCaptureConfig", "AsyncInferenceConfig")
_MEMBERS = ("EndpointConfigName", "ProductionVariants", "ShadowProductionVariants", *_OPTIONAL, "Tags")
_VARIANT_MEMBERS = (
    "VariantName",
    "ModelName",
    "InitialInstanceCount",
    "InstanceType",
    "InitialVariantWeight",
    "VolumeSizeInGB",
    "ModelDataDownloadTimeoutInSeconds",
    "ContainerStartupHealthCheckTimeoutInSeconds",
    "ServerlessConfig",
)


class EndpointConfigs:
    """Keeps the endpoint configurations of an account."""

    def __init__(self, account: Account, models: Models) -> None:
        self._models = models
        self._configs = FixedResources(account, "EndpointConfig", words="endpoint config")

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that this carries out."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self._configs.page,
            "DeleteEndpointConfig": self.delete,
        }

    def get(self, name: str) -> dict[str, Any]:
        """Return the description of the endpoint configuration `name`."""
        return self._configs.get(name)

    def build_on(self, name: str) -> dict[str, Any]:
        """Return the description of the configuration `name` for an endpoint; one just made may be missing."""
        return self._configs.build_on(name)

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """Make an endpoint configuration, each of whose variants names a model that exists."""
        refuse("CreateEndpointConfig", params, _MEMBERS)
        variants = [{"InitialVariantWeight": 1.0} | variant for variant in params["ProductionVariants"]]
        copies = [{"InitialVariantWeight": 1.0} | variant for variant in params.get("ShadowProductionVariants", [])]
        shadows.check(params)
        serverless.check_config(params)
        async_configs.check(params)
        for variant in (*variants, *copies):
            self._check_variant(variant)
        if len({variant["VariantName"] for variant in (*variants, *copies)}) < len(variants) + len(copies):
            raise validation_error(
                "each production variant of an endpoint configuration needs a VariantName of its own"
            )
        if params.get("DataCaptureConfig"):
            capture.check(params["DataCaptureConfig"])
        members = {"ProductionVariants": variants, "EnableNetworkIsolation": False}
        members |= {"ShadowProductionVariants": copies} if copies else {}
        members |= {key: params[key] for key in _OPTIONAL if params.get(key)}
        return {"EndpointConfigArn": self._configs.add(params["EndpointConfigName"], members, params.get("Tags"))}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """Answer with the configuration as it was made."""
        return self._configs.look_up(params["EndpointConfigName"])

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a configuration; an endpoint that was made from it goes on."""
        self._configs.delete(params["EndpointConfigName"])
        return {}

    def _check_variant(self, variant: dict[str, Any]) -> None:
        refuse("CreateEndpointConfig.ProductionVariants", variant, _VARIANT_MEMBERS)
        is_serverless = "ServerlessConfig" in variant
        if not variant.get("ModelName") or not (is_serverless or variant.get("InstanceType")):
            raise validation_error(f"production variant {variant['VariantName']!r} needs ModelName and InstanceType")
        if not is_serverless and variant.get("InitialInstanceCount", 0) < 1:
            raise validation_error(
                f"production variant {variant['VariantName']!r} needs an InitialInstanceCount of 1 up"
            )
        self._models.build_on(variant["ModelName"])
