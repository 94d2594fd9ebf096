"""The Lambda API: moto's, with versions, aliases, concurrency and event configurations that take effect."""
# mypy: disable-error-code="override"
# (moto's methods return strings and tuples by turns; ours return what moto serialises by the service's model)

import json
from typing import Any

from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult

from local.errors import ServiceError
from local.lambda_.event_config import EventConfigs
from local.lambda_.fleet import ACCOUNT_LIMIT, Fleets, Provisioned
from local.lambda_.function import Function
from local.lambda_.http import InvokeRequest, answer_invoke
from local.lambda_.invoker import Invoker
from local.lambda_.targets import LATEST, Target, aliases_of, latest, parse_name, resolve
from local.lambda_.warmer import Warmer

# Operations that moto's own methods carry out: their state is all there is to them.
FROM_MOTO = {
    "GetPolicy",
    "RemovePermission",
    "ListTags",
    "TagResource",
    "UntagResource",
    "PublishLayerVersion",
    "GetLayerVersion",
    "ListLayers",
    "ListLayerVersions",
    "DeleteLayerVersion",
    "AddLayerVersionPermission",
    "GetLayerVersionPolicy",
    "RemoveLayerVersionPermission",
    "ListAliases",
}
OURS = {
    "Invoke",
    "CreateFunction",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "DeleteFunction",
    "GetFunction",
    "GetFunctionConfiguration",
    "ListFunctions",
    "PublishVersion",
    "ListVersionsByFunction",
    "CreateAlias",
    "UpdateAlias",
    "GetAlias",
    "DeleteAlias",
    "PutFunctionConcurrency",
    "GetFunctionConcurrency",
    "DeleteFunctionConcurrency",
    "PutProvisionedConcurrencyConfig",
    "GetProvisionedConcurrencyConfig",
    "ListProvisionedConcurrencyConfigs",
    "DeleteProvisionedConcurrencyConfig",
    "PutFunctionEventInvokeConfig",
    "UpdateFunctionEventInvokeConfig",
    "GetFunctionEventInvokeConfig",
    "ListFunctionEventInvokeConfigs",
    "DeleteFunctionEventInvokeConfig",
    "GetAccountSettings",
    "AddPermission",
}


class FunctionsResponse(LambdaResponse):
    """Answers the Lambda API. What it works on is set once, when the service is installed."""

    invoker: Invoker
    fleets: Fleets
    configs: EventConfigs
    warmer: Warmer

    def __init__(self) -> None:
        super().__init__()
        self.automated_parameter_parsing = True

    # -- functions ----------------------------------------------------------------------------------------------

    def create_function(self) -> ActionResult:
        """Create a function, and its first version when asked to."""
        spec = self.json_body
        name, _ = parse_name(spec["FunctionName"], None)
        if name in self.backend._lambdas._functions:
            raise ServiceError("ResourceConflictException", f"Function already exist: {name}")
        self.backend.create_function({**spec, "FunctionName": name, "Publish": False})
        function = latest(self.backend, name)
        shown = self._publish(function, None) if spec.get("Publish") else function
        self.warmer.add(shown)
        return ActionResult(shown.get_configuration(on_create=True))

    def update_function_code(self) -> ActionResult:
        """Change the code of $LATEST."""
        function = self._latest()
        return self._changed(function, lambda: function.update_function_code(self.json_body))

    def update_function_configuration(self) -> ActionResult:
        """Change the settings of $LATEST."""
        function = self._latest()
        return self._changed(function, lambda: function.update_configuration(self.json_body))

    def delete_function(self) -> tuple[int, dict[str, Any], str]:
        """Delete a function, or one version of it, with its environments and settings."""
        target = self._target()
        name, version = target.function.function_name, str(target.function.version)
        if not target.qualifier:
            revisions = {version.revision for version in self._versions(target.function)}
            self.backend._lambdas._functions.pop(name)
            self.backend._lambdas._arns.pop(target.function.function_arn, None)
            aliases_of(self.backend, target.function).clear()
            self.fleets.remove(name, revisions)
            self.configs.delete(name, None)
        elif target.qualifier != version or version == LATEST:
            raise ServiceError(
                "InvalidParameterValueException", f"Qualifier: {target.qualifier!r} is no published version"
            )
        elif any(alias.function_version == version for alias in aliases_of(self.backend, target.function).values()):
            raise ServiceError("ResourceConflictException", f"an alias points to version {version} of {name}")
        else:
            self.backend._lambdas._functions[name]["versions"].remove(target.function)
            self.fleets.unprovision(name, version)
            self.fleets.retire(name, target.function.revision)
        return 204, {"status": 204}, ""

    def get_function(self) -> ActionResult:
        """Describe a function, where its code is, and its reserved concurrency."""
        target = self._target()
        answer = target.function.get_code()
        answer["Configuration"] = self._configuration(target)
        answer.pop("Concurrency", None)
        reserved = self.fleets.fleet(target.function.function_name).reserved
        if reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return ActionResult(answer)

    def get_function_configuration(self) -> ActionResult:
        """Describe a function."""
        return ActionResult(self._configuration(self._target()))

    def list_functions(self) -> ActionResult:
        """List $LATEST of every function, or all versions."""
        functions = [entry["latest"] for entry in self.backend._lambdas._functions.values()]
        if self._get_param("FunctionVersion") == "ALL":
            functions = [version for function in functions for version in self._versions(function)]
        return ActionResult({"Functions": [function.get_configuration() for function in functions]})

    def add_permission(self) -> str:
        """Let someone invoke the function."""
        function, sid = self._latest(), self._get_param("StatementId")
        if any(statement.get("Sid") == sid for statement in function.policy.statements):
            raise ServiceError(
                "ResourceConflictException",
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the"
                " existing statement.",
            )
        added: str = super().add_permission()
        return added

    # -- versions and aliases -----------------------------------------------------------------------------------

    def publish_version(self) -> ActionResult:
        """Take a snapshot of $LATEST; the last one again when nothing has changed since."""
        function = self._latest()
        expected = self._get_param("CodeSha256")
        if expected and expected != function.code_sha_256:
            raise ServiceError(
                "InvalidParameterValueException",
                f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({function.code_sha_256})."
                " Please try again with the CodeSHA256 in $LATEST.",
            )
        version = self._publish(function, self._get_param("Description"))
        self.warmer.add(version)
        return ActionResult(version.get_configuration())

    def list_versions_by_function(self) -> ActionResult:
        """List $LATEST and the published versions."""
        return ActionResult({"Versions": [one.get_configuration() for one in self._versions(self._latest())]})

    def create_alias(self) -> ActionResult:
        """Name a version."""
        function = self._latest()
        name, version = self._get_param("Name"), self._get_param("FunctionVersion")
        resolve(self.backend, function.function_name, version)
        alias = self.backend.create_alias(
            name, function.function_name, version, self._get_param("Description", ""), self._get_param("RoutingConfig")
        )
        return ActionResult(alias.to_json())

    def get_alias(self) -> ActionResult:
        """Describe an alias."""
        return ActionResult(self._alias().to_json())

    def update_alias(self) -> ActionResult:
        """Point an alias elsewhere; its provisioned environments are replaced by those of the new version."""
        alias, function = self._alias(), self._latest()
        version = self._get_param("FunctionVersion")
        if version:
            resolve(self.backend, function.function_name, version)
        alias.update(self._get_param("Description"), version, self._get_param("RoutingConfig"))
        config = self.fleets.fleet(function.function_name).provisioned.get(alias.name)
        if version and config:
            spec = resolve(self.backend, function.function_name, version).function.environment_spec()
            if spec.revision != config.spec.revision:
                self.fleets.provision(spec, alias.name, config.requested)
        return ActionResult(alias.to_json())

    def delete_alias(self) -> tuple[int, dict[str, Any], str]:
        """Delete an alias with its provisioned environments and event configuration."""
        function, name = self._latest(), self._get_param("Name")
        aliases_of(self.backend, function).pop(name, None)
        self.fleets.unprovision(function.function_name, name)
        self.configs.delete(function.function_name, name)
        return 204, {"status": 204}, ""

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

    def invoke(self) -> tuple[int, dict[str, str], bytes]:
        """Answer an Invoke that did not take the fast path, such as one without a signature."""
        params = {"FunctionName": self._get_param("FunctionName"), "Qualifier": self._get_param("Qualifier")}
        request = InvokeRequest(self.headers, params, self.normalized_request.data, self.region)
        status, headers, body = answer_invoke(self.invoker, request)
        return int(status.split()[0]), {**headers, "status": status.split()[0]}, body

    # -- inside -------------------------------------------------------------------------------------------------

    def _target(self) -> Target:
        return resolve(self.backend, self._get_param("FunctionName"), self._get_param("Qualifier"))

    def _latest(self) -> Function:
        return latest(self.backend, self._get_param("FunctionName"))

    def _alias(self) -> Any:
        function, name = self._latest(), self._get_param("Name")
        alias = aliases_of(self.backend, function).get(name)
        if alias is None:
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {function.function_arn}:{name}")
        return alias

    def _versions(self, function: Function) -> list[Function]:
        return [function, *self.backend._lambdas._functions[function.function_name]["versions"]]

    def _configuration(self, target: Target) -> dict[str, Any]:
        configuration = target.function.get_configuration()
        return configuration | {"FunctionArn": target.arn if target.qualifier else target.function.function_arn}

    def _changed(self, function: Function, change: Any) -> ActionResult:
        """Apply `change` to $LATEST; environments of what it was end."""
        expected = self._get_param("RevisionId")
        if expected and expected != function.revision:
            raise ServiceError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias.",
            )
        before = function.revision
        change()
        if not self._get_param("DryRun"):
            function.last_modified = self.warmer.now()
            self.fleets.retire(function.function_name, before)
        shown = self._publish(function, None) if self._get_param("Publish") else function
        self.warmer.add(shown)
        return ActionResult(shown.get_configuration())

    def _publish(self, function: Function, description: str | None) -> Function:
        entry = self.backend._lambdas._functions[function.function_name]
        if entry["versions"] and entry["versions"][-1].content() == function.content():
            newest: Function = entry["versions"][-1]
            return newest
        entry["published"] = entry.get("published", 0) + 1  # numbers of deleted versions are not used again
        version = function.snapshot(entry["published"], description)
        entry["versions"].append(version)
        return version

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
