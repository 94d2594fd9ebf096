"""The part of the Lambda API that is about functions and their versions."""

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.api import Answer, LambdaOperations, Params, page
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.packages import Packages, check_upload
from embedded_account.lambda_.permissions import require_principal, statement
from embedded_account.lambda_.readiness import IN_PROGRESS, Readiness
from embedded_account.lambda_.targets import LATEST, Target, aliases_of, parse_name, versions_of
from embedded_account.lambda_.urls import FunctionUrls
from embedded_account.lambda_.warmer import Warmer
from embedded_account.wiring.serving import Operation


class FunctionOperations(LambdaOperations):
    """Answers its part of the Lambda API."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._urls = account.singleton(FunctionUrls)
        self._warmer = account.singleton(Warmer)
        self._readiness = account.singleton(Readiness)

    def table(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "CreateFunction": self.create,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
            "DeleteFunction": self.delete,
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.get_configuration,
            "ListFunctions": self.list_functions,
            "AddPermission": self.add_permission,
            "GetPolicy": self.get_policy,
            "PublishVersion": self.publish_version,
            "ListVersionsByFunction": self.list_versions,
        }

    # -- functions ----------------------------------------------------------------------------------------------

    def create(self, params: Params) -> Answer:
        """Create a function, and its first version when asked to, whose number is told with the function's own ARN."""
        name, _ = parse_name(params["FunctionName"], None)
        if name in self._backend._lambdas._functions:
            raise ServiceError("ResourceConflictException", f"Function already exist: {name}")
        check_upload("CreateFunction", params["Code"])
        spec = {**params, "FunctionName": name, "Publish": False, "Code": _as_moto_takes_it(params["Code"])}
        function = self._backend.create_function(spec)
        try:
            function.unpack(self._account.singleton(Packages))
        except ServiceError:
            self._forget(function)
            raise
        shown = self._publish(function, None) if params.get("Publish") else function
        self._warmer.add(shown)
        self._readiness.created(name)
        return shown.get_configuration(on_create=True) | {"FunctionArn": function.function_arn}

    def update_code(self, params: Params) -> Answer:
        """Change the code of $LATEST."""
        function = self._latest(params)
        check_upload("UpdateFunctionCode", params)
        return self._changed(params, function, lambda: function.update_function_code(_as_moto_takes_it(params)))

    def update_configuration(self, params: Params) -> Answer:
        """Change the settings of $LATEST."""
        function = self._latest(params)
        return self._changed(params, function, lambda: function.update_configuration(params))

    def delete(self, params: Params) -> Answer:
        """Delete a function, or one version of it, with its environments and settings."""
        target = self._target(params)
        name, version = target.function.function_name, str(target.function.version)
        if not target.qualifier:
            revisions = {version.revision for version in self._versions(target.function)}
            self._forget(target.function)
            aliases_of(self._backend, target.function).clear()
            self._fleets.remove(name, revisions)
            self._configs.delete(name, None)
            self._urls.remove(name)
            self._invoker.loops_allowed.discard(name)
        elif target.qualifier != version or version == LATEST:
            raise ServiceError(
                "InvalidParameterValueException", f"Qualifier: {target.qualifier!r} is no published version"
            )
        elif any(version in versions_of(alias) for alias in aliases_of(self._backend, target.function).values()):
            raise ServiceError("ResourceConflictException", f"an alias points to version {version} of {name}")
        else:
            self._backend._lambdas._functions[name]["versions"].remove(target.function)
            self._fleets.unprovision(name, version)
            self._fleets.retire(name, target.function.revision)
        return {}

    def get(self, params: Params) -> Answer:
        """Describe a function, where its code is, and its reserved concurrency."""
        target = self._target(params)
        answer = target.function.get_code()
        answer["Configuration"] = self._configuration(target)
        answer.pop("Concurrency", None)
        reserved = self._fleets.fleet(target.function.function_name).reserved
        if reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return answer

    def get_configuration(self, params: Params) -> Answer:
        """Describe a function."""
        return self._configuration(self._target(params))

    def list_functions(self, params: Params) -> Answer:
        """List $LATEST of every function, or all versions."""
        functions = [entry["latest"] for entry in list(self._backend._lambdas._functions.values())]
        if params.get("FunctionVersion") == "ALL":
            return page([one for function in functions for one in self._listed_versions(function)], params, "Functions")
        return page([function.get_configuration() for function in functions], params, "Functions")

    def add_permission(self, params: Params) -> Answer:
        """Let someone invoke the function."""
        function, sid = self._latest(params), params["StatementId"]
        if any(one.get("Sid") == sid for one in function.policy.statements):
            raise ServiceError(
                "ResourceConflictException",
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the"
                " existing statement.",
            )
        if params.get("RevisionId") not in (None, function.policy.revision):
            raise ServiceError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias. Call"
                " the GetFunction or the GetAlias API to retrieve the latest RevisionId for your resource.",
            )
        added = statement(params, self._target(params).arn)
        require_principal(self._account, added["Principal"])
        function.policy.statements.append(added)
        function.policy.revision = str(uuid.uuid4())
        return {"Statement": json.dumps(added)}

    def get_policy(self, params: Params) -> Answer:
        """Return who may invoke the function, or the version or alias that is asked for: each has a policy of its own.

        Source: Lambda API reference, GetPolicy.
        """
        target = self._target(params)
        policy = target.function.policy
        statements = [one for one in self._latest(params).policy.statements if one["Resource"] == target.arn]
        if not statements:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")
        document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        return {"Policy": json.dumps(document), "RevisionId": policy.revision}

    # -- versions -----------------------------------------------------------------------------------------------

    def publish_version(self, params: Params) -> Answer:
        """Take a snapshot of $LATEST; the last one again when there was no update since."""
        function = self._latest(params)
        self._readiness.require_changeable(function.function_name, function.function_arn)
        expected = params.get("CodeSha256")
        if expected and expected != function.code_sha_256:
            raise ServiceError(
                "InvalidParameterValueException",
                f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({function.code_sha_256})."
                " Please try again with the CodeSHA256 in $LATEST.",
            )
        _require_revision(params, function)
        version = self._publish(function, params.get("Description"))
        self._warmer.add(version)
        return version.get_configuration()

    def list_versions(self, params: Params) -> Answer:
        """List $LATEST and the published versions."""
        return page(self._listed_versions(self._latest(params)), params, "Versions")

    # -- inside -------------------------------------------------------------------------------------------------

    def _forget(self, function: Function) -> None:
        self._backend._lambdas._functions.pop(function.function_name)
        self._backend._lambdas._arns.pop(function.function_arn, None)

    def _versions(self, function: Function) -> list[Function]:
        return [function, *self._backend._lambdas._functions[function.function_name]["versions"]]

    def _listed_versions(self, function: Function) -> list[dict[str, Any]]:
        """Return all versions as lists of versions have them: $LATEST, too, is in its ARN."""
        latest, *published = (version.get_configuration() for version in self._versions(function))
        return [latest | {"FunctionArn": f"{function.function_arn}:{LATEST}"}, *published]

    def _configuration(self, target: Target) -> dict[str, Any]:
        configuration = target.function.get_configuration()
        if str(target.function.version) == LATEST:
            configuration = self._readiness.describe(target.function.function_name, configuration)
        return configuration | {"FunctionArn": target.arn if target.qualifier else target.function.function_arn}

    def _changed(self, params: Params, function: Function, change: Callable[[], object]) -> Answer:
        """Apply `change` to $LATEST, whole or not at all; environments of what it was end."""
        self._readiness.require_changeable(function.function_name, function.function_arn)
        _require_revision(params, function)
        before, revision = dict(vars(function)), function.revision
        try:
            change()
            function.unpack(self._account.singleton(Packages))
        except ServiceError:
            vars(function).clear()
            vars(function).update(before)
            raise
        if params.get("DryRun"):
            return function.get_configuration()
        function.revise()
        function.last_modified = self._warmer.now()
        self._fleets.retire(function.function_name, revision)
        self._readiness.updated(function.function_name)
        shown = self._publish(function, None) if params.get("Publish") else function
        self._warmer.add(shown)
        if params.get("Publish"):
            return shown.get_configuration(on_create=True)
        return function.get_configuration() | IN_PROGRESS

    def _publish(self, function: Function, description: str | None) -> Function:
        entry = self._backend._lambdas._functions[function.function_name]
        if entry["versions"] and entry["versions"][-1].published_from == function.revision:
            newest: Function = entry["versions"][-1]
            return newest
        entry["published"] = entry.get("published", 0) + 1  # numbers of deleted versions are not used again
        version = function.snapshot(entry["published"], description)
        entry["versions"].append(version)
        return version


def _require_revision(params: Params, function: Function) -> None:
    if params.get("RevisionId") not in {None, "", function.revision}:
        raise ServiceError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias.",
        )


def _as_moto_takes_it(code: Params) -> Params:
    """Return where the code is with an archive in base64, which moto takes apart itself."""
    archive = code.get("ZipFile")
    return code if archive is None else {**code, "ZipFile": base64.b64encode(archive).decode()}
