"""A function and its versions as moto stores them, with the settings that moto leaves out and code on disk."""

import copy
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.environment import EnvironmentSpec
from embedded_account.lambda_.packages import Packages, check_combined
from embedded_account.lambda_.validation import check

_DEFAULT_TRACING = {"Mode": "PassThrough"}
_UPDATABLE = {
    "Description": "description",
    "Handler": "handler",
    "MemorySize": "memory_size",
    "Role": "role",
    "Runtime": "run_time",
    "Timeout": "timeout",
    "TracingConfig": "tracing_config",
    "DeadLetterConfig": "dead_letter_config",
    "KMSKeyArn": "kms_key_arn",
}


def code_folders(account: Account) -> Iterator[Path]:
    """Yield the folders of code and layers that the account's functions have, in all versions."""
    from moto.awslambda.utils import get_backend

    entries = list(get_backend(account.account_id, account.region)._lambdas._functions.values())  # others make more
    for function in [each for entry in entries for each in (entry["latest"], *entry["versions"]) if each is not None]:
        known = vars(function)
        yield from known.get("layer_folders", ())
        if "code_folder" in known:
            yield known["code_folder"]


class Function(LambdaFunction):
    """One version of a function: $LATEST, or a published snapshot of it.

    `revision` changes with each update of code or configuration, changed or not: an execution environment serves one
    revision, and publishing makes a new version unless the last one was `published_from` it.
    """

    published_from = ""

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        check(spec)
        super().__init__(account_id, spec, region, version)
        self.dead_letter_config: dict[str, Any] = spec.get("DeadLetterConfig") or {}
        self.logging_config: dict[str, Any] = spec.get("LoggingConfig") or {}
        self.revision = str(uuid.uuid4())

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Apply an UpdateFunctionConfiguration request."""
        check(config_updates)
        for name, attribute in _UPDATABLE.items():
            if name in config_updates:
                setattr(self, attribute, config_updates[name])
        if "Environment" in config_updates:
            self.environment_vars = dict(config_updates["Environment"].get("Variables", {}))
        if "Layers" in config_updates:
            self.layers = self._get_layers_data(config_updates["Layers"])
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        if "LoggingConfig" in config_updates:
            self.logging_config = config_updates["LoggingConfig"]
        return self.get_configuration()

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        """Apply an UpdateFunctionCode request."""
        check(updated_spec)
        if updated_spec.get("DryRun"):
            return self.get_configuration()
        self.code = dict(self.code)  # published versions hold the old one
        self._set_function_code(updated_spec)
        self.architectures = updated_spec.get("Architectures", self.architectures)
        return self.get_configuration()

    def snapshot(self, number: int, description: str | None) -> "Function":
        """Return a snapshot of $LATEST as version `number`."""
        version: Function = copy.copy(self)
        version.set_version(number)
        version.published_from, version.revision = self.revision, str(uuid.uuid4())
        if description is not None:
            version.description = description
        return version

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """Return FunctionConfiguration as AWS shows it."""
        configuration: dict[str, Any] = super().get_configuration(on_create)
        configuration["RevisionId"] = self.revision
        configuration["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": self.log_group} | self.logging_config
        configuration["TracingConfig"] = self.tracing_config or _DEFAULT_TRACING
        if self.dead_letter_config.get("TargetArn"):
            configuration["DeadLetterConfig"] = self.dead_letter_config
        if on_create:
            reason = {"StateReason": "The function is being created.", "StateReasonCode": "Creating"}
            configuration |= {"State": "Pending", **reason}
        runtime = hashlib.sha256(configuration["Runtime"].encode()).hexdigest()
        arn = f"{self.function_arn.partition(':lambda:')[0]}:lambda:{self.region}::runtime:{runtime}"
        configuration["RuntimeVersionConfig"] = {"RuntimeVersionArn": arn}
        optional = ("Layers", "VpcConfig", "KMSKeyArn", "SigningProfileVersionArn", "SigningJobArn")
        return {name: value for name, value in configuration.items() if value or name not in optional}

    @property
    def log_group(self) -> str:
        """The CloudWatch Logs group that the function writes to."""
        return str(self.logging_config.get("LogGroup") or f"/aws/lambda/{self.function_name}")

    def environment_spec(self) -> EnvironmentSpec:
        """Return what an execution environment of this version needs."""
        return EnvironmentSpec(
            function_name=self.function_name,
            function_arn=self.function_arn,
            version=str(self.version),
            revision=self.revision,
            handler=str(self.handler),
            runtime=str(self.run_time),
            role_arn=self.role,
            memory_mb=int(self.memory_size),
            timeout_seconds=float(self.timeout),
            variables={name: str(value) for name, value in self.environment_vars.items()},
            code=self.code_folder,
            layers=self.layer_folders,
            log_group=self.log_group,
        )

    def _set_function_code(self, updated_spec: dict[str, Any]) -> None:
        """Take the code from the request or from S3, as it is there now."""
        before = dict(vars(self))
        try:
            super()._set_function_code(updated_spec)
        except ValueError as error:  # moto's way to say that S3 has no such bucket
            raise ServiceError("InvalidParameterValueException", str(error.args[-1])) from error
        if not self.code_bytes:  # and this is how it says that the key is missing
            vars(self).update(before)
            raise ServiceError(
                "InvalidParameterValueException",
                "Error occurred while GetObject. S3 Error Code: NoSuchKey."
                " S3 Error Message: The specified key does not exist.",
            )

    def unpack(self, packages: Packages) -> None:
        """Put code and layers on disk now: a layer version may be deleted while functions still use it.

        Raises:
            ServiceError: the code is no zip file, or too large.
        """
        from moto.awslambda.utils import get_backend

        backend = get_backend(self.account_id, self.region)
        self.code_folder: Path = packages.unpack(self.code_bytes, self.code_digest)
        versions = [backend.layers_versions_by_arn(layer["Arn"]) for layer in self.layers]
        layers = [layer for layer in versions if layer is not None]
        check_combined([self.code_bytes, *(layer.code_bytes for layer in layers)])
        if len(layers) == len(versions):  # otherwise one was deleted since, and stays as it was unpacked
            self.layer_folders: tuple[Path, ...] = tuple(
                packages.unpack(layer.code_bytes, layer.code_digest) for layer in layers
            )

    def revise(self) -> None:
        """Give it a new revision: it was updated."""
        self.revision = str(uuid.uuid4())
