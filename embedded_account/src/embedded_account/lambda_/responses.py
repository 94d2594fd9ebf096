"""The Lambda API: moto's, with versions, aliases, concurrency and event configurations that take effect."""
# mypy: disable-error-code="override"
# (moto's methods return strings and tuples by turns; ours return what moto serialises by the service's model)

from typing import Any

from moto.core.responses import ActionResult

from embedded_account.errors import ServiceError
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.http import InvokeRequest, answer_invoke
from embedded_account.lambda_.settings_responses import SettingsResponse
from embedded_account.lambda_.targets import LATEST, Target, aliases_of, latest, parse_name, resolve
from embedded_account.lambda_.url_responses import URL_OPERATIONS, UrlResponse

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
    "PutFunctionRecursionConfig",
    "GetFunctionRecursionConfig",
    "GetAccountSettings",
    "AddPermission",
    *URL_OPERATIONS,
}


class FunctionsResponse(SettingsResponse, UrlResponse):
    """Answers the Lambda API."""

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
            self.urls.remove(name)
            self.invoker.loops_allowed.discard(name)
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

    def invoke(self) -> tuple[int, dict[str, str], bytes]:
        """Answer an Invoke that did not take the fast path, such as one without a signature."""
        params = {"FunctionName": self._get_param("FunctionName"), "Qualifier": self._get_param("Qualifier")}
        request = InvokeRequest(self.headers, params, self.normalized_request.data, self.region)
        status, headers, body = answer_invoke(self.invoker, request)
        return int(status.split()[0]), {**headers, "status": status.split()[0]}, body

    # -- inside -------------------------------------------------------------------------------------------------

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
