"""The part of the Lambda API that lists layers; moto keeps them."""

from typing import Any

from embedded_account.lambda_.api import Answer, LambdaOperations, Params, page
from embedded_account.wiring.serving import Operation


class LayerOperations(LambdaOperations):
    """Answers its part of the Lambda API, a page at a time."""

    def table(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {"ListLayers": self.list, "ListLayerVersions": self.list_versions}

    def list(self, params: Params) -> Answer:
        """List the layers with their newest versions that run where it is asked for."""
        layers = sorted(self._backend.list_layers(), key=lambda layer: str(layer["LayerName"]))
        return page([one for one in layers if _runs(one["LatestMatchingVersion"], params)], params, "Layers")

    def list_versions(self, params: Params) -> Answer:
        """List the versions of a layer, newest first."""
        versions = self._backend.list_layer_versions(params["LayerName"])
        newest = sorted(versions, key=lambda version: int(version.version), reverse=True)
        described = [version.get_layer_version() for version in newest]
        return page([one for one in described if _runs(one, params)], params, "LayerVersions")


def _runs(version: dict[str, Any], params: Params) -> bool:
    """Return whether a version is for the runtime and the architecture that are asked for, if any are."""
    asked = {"CompatibleRuntimes": "CompatibleRuntime", "CompatibleArchitectures": "CompatibleArchitecture"}
    return all(params.get(one) in (None, *(version.get(many) or ())) for many, one in asked.items())
