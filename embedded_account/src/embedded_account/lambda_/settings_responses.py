"""The part of the Lambda API that sets concurrency and what becomes of asynchronous events."""
# mypy: disable-error-code="override"
# (moto's methods return strings and tuples by turns; ours return what moto serialises by the service's model)

import json
from typing import Any

from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult

from embedded_account.errors import ServiceError
from embedded_account.lambda_.event_config import EventConfigs
from embedded_account.lambda_.fleet import ACCOUNT_LIMIT, Fleets, Provisioned
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.invoker import Invoker
from embedded_account.lambda_.targets import LATEST, Target, latest, resolve
from embedded_account.lambda_.warmer import Warmer


class SettingsResponse(LambdaResponse):
    """Answers its part of the Lambda API. What it works on is set once, when the service is installed."""

    invoker: Invoker
    fleets: Fleets
    configs: EventConfigs
    warmer: Warmer

    def __init__(self) -> None:
        super().__init__()
        self.automated_parameter_parsing = True

    # -- concurrency --------------------------------------------------------------------------------------------

    def put_function_concurrency(self) -> ActionResult:
        """Reserve concurrency: this many at once, for this function and no other."""
        reserved = int(self._get_param("ReservedConcurrentExecutions"))
        self.fleets.reserve(self._latest().function_name, reserved)
        return ActionResult({"ReservedConcurrentExecutions": reserved})

    def get_function_concurrency(self) -> ActionResult:
        """Return what is reserved."""
        return ActionResult({"ReservedConcurrentExecutions": self.fleets.fleet(self._latest().function_name).reserved})

    def delete_function_concurrency(self) -> tuple[int, dict[str, Any], str]:
        """Remove the reservation."""
        self.fleets.reserve(self._latest().function_name, None)
        return 204, {"status": 204}, ""

    def put_provisioned_concurrency_config(self) -> ActionResult:
        """Keep environments started for an alias or a published version."""
        target = self._target()
        requested = int(self._get_param("ProvisionedConcurrentExecutions"))
        if target.qualifier in {"", LATEST} or str(target.function.version) == LATEST:
            raise ServiceError(
                "InvalidParameterValueException",
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
            )
        self._refuse_second_config(target)
        config = self.fleets.provision(target.function.environment_spec(), target.qualifier, requested)
        return ActionResult(_describe(config) | {"Status": "IN_PROGRESS"})

    def get_provisioned_concurrency_config(self) -> ActionResult:
        """Say how far the environments are."""
        return ActionResult(_describe(self._provisioned()))

    def list_provisioned_concurrency_configs(self) -> ActionResult:
        """List the configurations of a function."""
        function = self._latest()
        configs = self.fleets.fleet(function.function_name).provisioned
        listed = [_describe(one) | {"FunctionArn": f"{function.function_arn}:{name}"} for name, one in configs.items()]
        return ActionResult({"ProvisionedConcurrencyConfigs": listed})

    def delete_provisioned_concurrency_config(self) -> tuple[int, dict[str, Any], str]:
        """End the environments."""
        self._provisioned()
        target = self._target()
        self.fleets.unprovision(target.function.function_name, target.qualifier)
        return 204, {"status": 204}, ""

    def put_function_recursion_config(self) -> ActionResult:
        """Say whether circles through the function are stopped."""
        name, wanted = self._latest().function_name, self._get_param("RecursiveLoop")
        if wanted not in {"Allow", "Terminate"}:
            raise ServiceError("InvalidParameterValueException", f"RecursiveLoop: {wanted!r}; Allow or Terminate")
        (self.invoker.loops_allowed.add if wanted == "Allow" else self.invoker.loops_allowed.discard)(name)
        return ActionResult({"RecursiveLoop": wanted})

    def get_function_recursion_config(self) -> ActionResult:
        """Return whether they are."""
        is_allowed = self._latest().function_name in self.invoker.loops_allowed
        return ActionResult({"RecursiveLoop": "Allow" if is_allowed else "Terminate"})

    def get_account_settings(self) -> ActionResult:
        """Return the account's limits and use."""
        functions = [entry["latest"] for entry in self.backend._lambdas._functions.values()]
        limit = {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": ACCOUNT_LIMIT,
            "UnreservedConcurrentExecutions": self.fleets.num_unreserved(),
        }
        usage = {"TotalCodeSize": sum(one.code_size for one in functions), "FunctionCount": len(functions)}
        return ActionResult({"AccountLimit": limit, "AccountUsage": usage})

    # -- events -------------------------------------------------------------------------------------------------

    def put_function_event_invoke_config(self) -> ActionResult:
        """Set retries, age limit and destinations of asynchronous events."""
        target = self._target()
        self.configs.put(target.function.function_name, target.qualifier, self._event_request())
        return self._event_config(target)

    def update_function_event_invoke_config(self) -> ActionResult:
        """Change some of them."""
        target = self._target()
        self.configs.update(target.function.function_name, target.qualifier, self._event_request())
        return self._event_config(target)

    def get_function_event_invoke_config(self) -> ActionResult:
        """Describe them."""
        return self._event_config(self._target())

    def list_function_event_invoke_configs(self) -> ActionResult:
        """List those of every qualifier."""
        function = self._latest()
        listed = self.configs.list(function.function_name, function.function_arn)
        return ActionResult({"FunctionEventInvokeConfigs": listed})

    def delete_function_event_invoke_config(self) -> tuple[int, dict[str, Any], str]:
        """Return to the defaults."""
        target = self._target()
        self._event_config(target)
        self.configs.delete(target.function.function_name, target.qualifier or LATEST)
        return 204, {"status": 204}, ""

    # -- inside -------------------------------------------------------------------------------------------------

    def _target(self) -> Target:
        return resolve(self.backend, self._get_param("FunctionName"), self._get_param("Qualifier"))

    def _latest(self) -> Function:
        return latest(self.backend, self._get_param("FunctionName"))

    def _refuse_second_config(self, target: Target) -> None:
        """Refuse a configuration of an alias beside one of its version: a version has one at most."""
        version = str(target.function.version)
        for name in self.fleets.fleet(target.function.function_name).provisioned:
            other = resolve(self.backend, target.function.function_name, name)
            if name != target.qualifier and str(other.function.version) == version:
                raise ServiceError(
                    "InvalidParameterValueException",
                    f"version {version} has provisioned concurrency by {name!r}; delete that configuration first",
                )

    def _provisioned(self) -> Provisioned:
        target = self._target()
        config = self.fleets.fleet(target.function.function_name).provisioned.get(target.qualifier)
        if config is None:
            raise ServiceError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
            )
        return config

    def _event_request(self) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(self.normalized_request.data or b"{}")
        for name, lowest, highest in (("MaximumRetryAttempts", 0, 2), ("MaximumEventAgeInSeconds", 60, 21_600)):
            value = request.get(name)
            if value is not None and not lowest <= value <= highest:
                raise ServiceError(
                    "InvalidParameterValueException", f"{name}: {value}; it must be {lowest} to {highest}"
                )
        return request

    def _event_config(self, target: Target) -> ActionResult:
        function = target.function
        base = f"arn:aws:lambda:{self.region}:{self.current_account}:function:{function.function_name}"
        return ActionResult(self.configs.describe(function.function_name, target.qualifier, base))


def _describe(config: Provisioned) -> dict[str, Any]:
    described: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": len(config.idle),
        "AllocatedProvisionedConcurrentExecutions": config.num_allocated,
        "Status": config.status,
        "LastModified": config.last_modified.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }
    return described | ({"StatusReason": config.reason} if config.reason else {})
