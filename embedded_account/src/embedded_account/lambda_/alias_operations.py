"""The part of the Lambda API that names versions."""

from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.lambda_.api import Answer, LambdaOperations, Params, page
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.targets import LATEST, aliases_of, resolve
from embedded_account.wiring.serving import Operation


class AliasOperations(LambdaOperations):
    """Answers its part of the Lambda API."""

    def table(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "CreateAlias": self.create,
            "UpdateAlias": self.update,
            "GetAlias": self.get,
            "DeleteAlias": self.delete,
            "ListAliases": self.list,
        }

    def create(self, params: Params) -> Answer:
        """Name a version."""
        function = self._latest(params)
        name, version = params["Name"], params["FunctionVersion"]
        resolve(self._backend, function.function_name, version)
        self._check_routing(function, version, params.get("RoutingConfig"))
        alias = self._backend.create_alias(
            name, function.function_name, version, params.get("Description", ""), params.get("RoutingConfig")
        )
        return _described(alias)

    def get(self, params: Params) -> Answer:
        """Describe an alias."""
        return _described(self._alias(params))

    def update(self, params: Params) -> Answer:
        """Point an alias elsewhere; its provisioned environments are replaced by those of the new version."""
        alias, function = self._alias(params), self._latest(params)
        version = params.get("FunctionVersion")
        if version:
            resolve(self._backend, function.function_name, version)
        self._check_routing(function, version or alias.function_version, params.get("RoutingConfig"))
        alias.update(params.get("Description"), version, params.get("RoutingConfig"))
        config = self._fleets.fleet(function.function_name).provisioned.get(alias.name)
        if version and config:
            spec = resolve(self._backend, function.function_name, version).function.environment_spec()
            if spec.revision != config.spec.revision:
                self._fleets.provision(spec, alias.name, config.requested)
        return _described(alias)

    def delete(self, params: Params) -> Answer:
        """Delete an alias with its provisioned environments and event configuration."""
        function, name = self._latest(params), params["Name"]
        aliases_of(self._backend, function).pop(name, None)
        self._fleets.unprovision(function.function_name, name)
        self._configs.delete(function.function_name, name)
        return {}

    def list(self, params: Params) -> Answer:
        """List the aliases of a function, or of one version of it."""
        aliases = sorted(aliases_of(self._backend, self._latest(params)).values(), key=lambda alias: alias.name)
        wanted = params.get("FunctionVersion")
        listed = [_described(alias) for alias in aliases if wanted in (None, alias.function_version)]
        return page(listed, params, "Aliases")

    def _check_routing(self, function: Function, version: str, routing: dict[str, Any] | None) -> None:
        """Raise unless an alias of `version` may share its traffic as `routing` says: with one other version.

        Source: Lambda developer guide, "Implementing Lambda canary deployments using a weighted alias".
        """
        weights = (routing or {}).get("AdditionalVersionWeights") or {}
        if len(weights) > 1:
            raise _bad_routing("Number of items in AdditionalVersionWeights cannot be greater than 1")
        if weights and version == LATEST:
            raise _bad_routing("$LATEST is not supported for an alias pointing to more than 1 version")
        for other in weights:
            if other == version:
                raise _bad_routing(f"Function version {other} is already included in routing configuration.")
            resolve(self._backend, function.function_name, other)

    def _alias(self, params: Params) -> Any:
        function, name = self._latest(params), params["Name"]
        alias = aliases_of(self._backend, function).get(name)
        if alias is None:
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {function.function_arn}:{name}")
        return alias


def _bad_routing(reason: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", reason)


def _described(alias: Any) -> Answer:
    described: Answer = alias.to_json()
    return described
