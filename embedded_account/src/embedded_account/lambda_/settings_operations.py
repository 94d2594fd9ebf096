"""The part of the Lambda API that sets concurrency and what becomes of asynchronous events."""

from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.lambda_.api import Answer, LambdaOperations, Params, page
from embedded_account.lambda_.leases import Provisioned
from embedded_account.lambda_.targets import LATEST, Target, function_arn, resolve
from embedded_account.wiring.serving import Operation


class SettingsOperations(LambdaOperations):
    """Answers its part of the Lambda API."""

    def table(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "PutFunctionConcurrency": self.put_concurrency,
            "GetFunctionConcurrency": self.get_concurrency,
            "DeleteFunctionConcurrency": self.delete_concurrency,
            "PutProvisionedConcurrencyConfig": self.put_provisioned,
            "GetProvisionedConcurrencyConfig": self.get_provisioned,
            "ListProvisionedConcurrencyConfigs": self.list_provisioned,
            "DeleteProvisionedConcurrencyConfig": self.delete_provisioned,
            "PutFunctionRecursionConfig": self.put_recursion,
            "GetFunctionRecursionConfig": self.get_recursion,
            "GetAccountSettings": self.account_settings,
            "PutFunctionEventInvokeConfig": self.put_event_config,
            "UpdateFunctionEventInvokeConfig": self.update_event_config,
            "GetFunctionEventInvokeConfig": self.get_event_config,
            "ListFunctionEventInvokeConfigs": self.list_event_configs,
            "DeleteFunctionEventInvokeConfig": self.delete_event_config,
        }

    # -- concurrency --------------------------------------------------------------------------------------------

    def put_concurrency(self, params: Params) -> Answer:
        """Reserve concurrency: this many at once, for this function and no other."""
        reserved = params["ReservedConcurrentExecutions"]
        self._fleets.reserve(self._latest(params).function_name, reserved)
        return {"ReservedConcurrentExecutions": reserved}

    def get_concurrency(self, params: Params) -> Answer:
        """Return what is reserved."""
        return {"ReservedConcurrentExecutions": self._fleets.fleet(self._latest(params).function_name).reserved}

    def delete_concurrency(self, params: Params) -> Answer:
        """Remove the reservation."""
        self._fleets.reserve(self._latest(params).function_name, None)
        return {}

    def put_provisioned(self, params: Params) -> Answer:
        """Keep environments started for an alias or a published version."""
        target = self._target(params)
        requested = params["ProvisionedConcurrentExecutions"]
        if target.qualifier in {"", LATEST} or str(target.function.version) == LATEST:
            raise ServiceError(
                "InvalidParameterValueException",
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
            )
        self._refuse_second_config(target)
        config = self._fleets.provision(target.function.environment_spec(), target.qualifier, requested)
        return _describe(config) | {"Status": "IN_PROGRESS"}

    def get_provisioned(self, params: Params) -> Answer:
        """Say how far the environments are."""
        return _describe(self._provisioned(params))

    def list_provisioned(self, params: Params) -> Answer:
        """List the configurations of a function."""
        function = self._latest(params)
        configs = self._fleets.fleet(function.function_name).provisioned
        listed = [_describe(one) | {"FunctionArn": f"{function.function_arn}:{name}"} for name, one in configs.items()]
        return page(listed, params, "ProvisionedConcurrencyConfigs")

    def delete_provisioned(self, params: Params) -> Answer:
        """End the environments."""
        self._provisioned(params)
        target = self._target(params)
        self._fleets.unprovision(target.function.function_name, target.qualifier)
        return {}

    def put_recursion(self, params: Params) -> Answer:
        """Say whether circles through the function are stopped."""
        name, wanted = self._latest(params).function_name, params.get("RecursiveLoop")
        if wanted not in {"Allow", "Terminate"}:
            raise ServiceError("InvalidParameterValueException", f"RecursiveLoop: {wanted!r}; Allow or Terminate")
        (self._invoker.loops_allowed.add if wanted == "Allow" else self._invoker.loops_allowed.discard)(name)
        return {"RecursiveLoop": wanted}

    def get_recursion(self, params: Params) -> Answer:
        """Return whether they are."""
        is_allowed = self._latest(params).function_name in self._invoker.loops_allowed
        return {"RecursiveLoop": "Allow" if is_allowed else "Terminate"}

    def account_settings(self, params: Params) -> Answer:
        """Return the account's limits and use."""
        functions = [entry["latest"] for entry in list(self._backend._lambdas._functions.values())]
        limit = {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": self._fleets.account_limit,
            "UnreservedConcurrentExecutions": self._fleets.num_unreserved(),
        }
        usage = {"TotalCodeSize": sum(one.code_size for one in functions), "FunctionCount": len(functions)}
        return {"AccountLimit": limit, "AccountUsage": usage}

    # -- events -------------------------------------------------------------------------------------------------

    def put_event_config(self, params: Params) -> Answer:
        """Set retries, age limit and destinations of asynchronous events."""
        target = self._target(params)
        self._configs.put(target.function.function_name, target.qualifier, _checked_event_config(params))
        return self._event_config(target)

    def update_event_config(self, params: Params) -> Answer:
        """Change some of them."""
        target = self._target(params)
        self._configs.update(target.function.function_name, target.qualifier, _checked_event_config(params))
        return self._event_config(target)

    def get_event_config(self, params: Params) -> Answer:
        """Describe them."""
        return self._event_config(self._target(params))

    def list_event_configs(self, params: Params) -> Answer:
        """List those of every qualifier."""
        function = self._latest(params)
        listed = self._configs.list(function.function_name, function.function_arn)
        return page(listed, params, "FunctionEventInvokeConfigs")

    def delete_event_config(self, params: Params) -> Answer:
        """Return to the defaults."""
        target = self._target(params)
        self._event_config(target)
        self._configs.delete(target.function.function_name, target.qualifier or LATEST)
        return {}

    # -- inside -------------------------------------------------------------------------------------------------

    def _refuse_second_config(self, target: Target) -> None:
        """Refuse a configuration of an alias beside one of its version: a version has one at most."""
        version = str(target.function.version)
        for name in self._fleets.fleet(target.function.function_name).provisioned:
            other = resolve(self._backend, target.function.function_name, name)
            if name != target.qualifier and str(other.function.version) == version:
                raise ServiceError(
                    "InvalidParameterValueException",
                    f"version {version} has provisioned concurrency by {name!r}; delete that configuration first",
                )

    def _provisioned(self, params: Params) -> Provisioned:
        target = self._target(params)
        config = self._fleets.fleet(target.function.function_name).provisioned.get(target.qualifier)
        if config is None:
            raise ServiceError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
            )
        return config

    def _event_config(self, target: Target) -> Answer:
        name = target.function.function_name
        return self._configs.describe(name, target.qualifier, function_arn(self._backend, name))


def _checked_event_config(params: Params) -> Params:
    for name, lowest, highest in (("MaximumRetryAttempts", 0, 2), ("MaximumEventAgeInSeconds", 60, 21_600)):
        value = params.get(name)
        if value is not None and not lowest <= value <= highest:
            raise ServiceError("InvalidParameterValueException", f"{name}: {value}; it must be {lowest} to {highest}")
    return params


def _describe(config: Provisioned) -> dict[str, Any]:
    described: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": len(config.idle),
        "AllocatedProvisionedConcurrentExecutions": config.num_allocated,
        "Status": config.status,
        "LastModified": config.last_modified.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }
    return described | ({"StatusReason": config.reason} if config.reason else {})
