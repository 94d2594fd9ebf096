"""What a request for a training job may ask of this account; anything else is refused by name."""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.sagemaker.shared.storage import S3Uri, StorageError
from embedded_account.sagemaker.training import debugger
from embedded_account.wiring.refusals import not_carried_out, refuse

DEFAULT_MAX_RUNTIME_SECONDS = 86_400
DEFAULT_LOCAL_PATH = "/opt/ml/checkpoints"
_ML = PurePosixPath("/opt/ml")
_MAX_RUNTIME_SECONDS = 432_000
_REQUIRED = ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition")
_REQUEST = {
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "Tags",
    "Environment",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    *debugger.MEMBERS,
}
# EnableSageMakerMetricsTimeSeries is kept: the graphs of Studio, for which AWS keeps the series, are not here.
_ALGORITHM = {"TrainingImage", "TrainingInputMode", "MetricDefinitions", "EnableSageMakerMetricsTimeSeries"}
_RESOURCES = {"InstanceType", "InstanceCount", "VolumeSizeInGB", "KeepAlivePeriodInSeconds"}
_CHANNEL = {"ChannelName", "DataSource", "ContentType", "CompressionType", "RecordWrapperType", "InputMode"}
_S3_SOURCE = {"S3DataType", "S3Uri", "S3DataDistributionType"}
_INPUT_MODES = {"File", "FastFile"}


def check(account: Account, request: dict[str, Any], where: str = "CreateTrainingJob") -> None:
    """Raise what SageMaker answers to a request it refuses, or NotImplemented for what is not carried out here.

    `where` names the request in a message; a tuning job's definition is checked as the request of its jobs.
    """
    for member in _REQUIRED:
        if not request.get(member):
            raise validation_error(f"{where}: {member} is missing; give it")
    refuse(where, request, _REQUEST)
    _check_algorithm(request["AlgorithmSpecification"], where)
    _check_resources(request["ResourceConfig"], where)
    _check_channels(request.get("InputDataConfig", []), where)
    _check_output(request["OutputDataConfig"], where)
    _check_stopping(request["StoppingCondition"], where)
    _check_spot(request, where)
    _check_checkpoints(request.get("CheckpointConfig"), where)
    debugger.check(request, where)
    if debugger.profiles(request):
        _check_s3_uri(request["ProfilerConfig"]["S3OutputPath"], f"{where}.ProfilerConfig")
    check_role(account, request["RoleArn"])


def relocated(local_path: str, machine: Path) -> Path | None:
    """Return where `local_path` of a CheckpointConfig lies under `machine`, the instance's own /opt/ml.

    None when it is not below /opt/ml, or is one of the folders that have another purpose.
    """
    path = PurePosixPath(local_path or DEFAULT_LOCAL_PATH)
    if ".." in path.parts or not path.is_relative_to(_ML):
        return None
    relative = path.relative_to(_ML)
    if not relative.parts or relative.parts[0] in {"input", "model", "output", "code"}:
        return None
    return machine / relative


def check_role(account: Account, role_arn: str) -> None:
    """Raise ValidationException unless `role_arn` is a role of the account that SageMaker may assume."""
    refusal = validation_error(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )
    try:
        role = account.client("iam").get_role(RoleName=role_arn.rsplit("/", 1)[-1])["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        raise refusal from error
    if role["Arn"] != role_arn or not _trusts_sagemaker(role["AssumeRolePolicyDocument"]):
        raise refusal


def _trusts_sagemaker(policy: Mapping[str, Any] | str) -> bool:
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, Mapping) else []
        named = services if isinstance(services, list) else [services]
        if statement.get("Effect") == "Allow" and "sagemaker.amazonaws.com" in named:
            return True
    return False


def _check_algorithm(algorithm: dict[str, Any], where: str) -> None:
    refuse(f"{where}.AlgorithmSpecification", algorithm, _ALGORITHM)
    if not algorithm.get("TrainingImage"):
        raise validation_error(f"{where}.AlgorithmSpecification: TrainingImage is missing; give the image's URI")
    _check_input_mode(algorithm["TrainingInputMode"], f"{where}.AlgorithmSpecification.TrainingInputMode")
    for definition in algorithm.get("MetricDefinitions", []):
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise validation_error(
                f"{where}: the Regex {definition['Regex']!r} of the metric {definition['Name']!r} is none: {error}"
            ) from error


def _check_resources(resources: dict[str, Any], where: str) -> None:
    refuse(f"{where}.ResourceConfig", resources, _RESOURCES)
    for member in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if not resources.get(member):
            raise validation_error(f"{where}.ResourceConfig: {member}: {resources.get(member)!r}; give at least 1")


def _check_channels(channels: list[dict[str, Any]], where: str) -> None:
    names = [channel["ChannelName"] for channel in channels]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise validation_error(f"{where}.InputDataConfig: channel {repeated[0]!r} is given twice; name each once")
    for channel in channels:
        _check_channel(channel, f"{where}.InputDataConfig.{channel['ChannelName']}")


def _check_channel(channel: dict[str, Any], where: str) -> None:
    refuse(where, channel, _CHANNEL)
    refuse(f"{where}.DataSource", channel["DataSource"], {"S3DataSource"})
    source = channel["DataSource"].get("S3DataSource")
    if not source:
        raise validation_error(f"{where}.DataSource: S3DataSource is missing; give it")
    refuse(f"{where}.DataSource.S3DataSource", source, _S3_SOURCE)
    if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
        raise not_carried_out(f"{where}.S3DataType={source['S3DataType']}", "use S3Prefix or ManifestFile")
    if channel.get("CompressionType", "None") != "None":
        raise not_carried_out(f"{where}.CompressionType={channel['CompressionType']}", "use None")
    if channel.get("RecordWrapperType", "None") != "None":
        raise not_carried_out(f"{where}.RecordWrapperType={channel['RecordWrapperType']}", "use None")
    if channel.get("InputMode"):
        _check_input_mode(channel["InputMode"], f"{where}.InputMode")
    _check_s3_uri(source["S3Uri"], where)


def _check_input_mode(mode: str, where: str) -> None:
    if mode not in _INPUT_MODES:
        raise not_carried_out(f"{where}={mode}", "use File or FastFile (which downloads as File does)")


def _check_output(output: dict[str, Any], where: str) -> None:
    refuse(f"{where}.OutputDataConfig", output, {"S3OutputPath", "CompressionType"})
    _check_s3_uri(output["S3OutputPath"], f"{where}.OutputDataConfig")


def _check_stopping(stopping: dict[str, Any], where: str) -> None:
    refuse(f"{where}.StoppingCondition", stopping, {"MaxRuntimeInSeconds", "MaxWaitTimeInSeconds"})
    seconds = stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    if seconds > _MAX_RUNTIME_SECONDS:
        raise ServiceError(
            "ResourceLimitExceeded",
            f"{where}.StoppingCondition: MaxRuntimeInSeconds: {seconds}; at most {_MAX_RUNTIME_SECONDS} are allowed",
        )


def _check_spot(request: dict[str, Any], where: str) -> None:
    """Check what managed spot training asks of a request.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    """
    stopping = request["StoppingCondition"]
    wait, runtime = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise validation_error(
                "Invalid MaxWaitTimeInSeconds. It is supported only when EnableManagedSpotTraining is set to true."
            )
        return
    if wait is None:
        raise validation_error(
            "MaxWaitTimeInSeconds above 0 is required when EnableManagedSpotTraining is set to true."
        )
    if wait < (runtime or DEFAULT_MAX_RUNTIME_SECONDS):
        raise validation_error(
            f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds: "
            f"{wait} is less than {runtime or DEFAULT_MAX_RUNTIME_SECONDS}."
        )
    if request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
        raise validation_error(
            f"{where}.ResourceConfig: KeepAlivePeriodInSeconds is not supported with EnableManagedSpotTraining."
        )


def _check_checkpoints(config: dict[str, Any] | None, where: str) -> None:
    if config is None:
        return
    _check_s3_uri(config["S3Uri"], f"{where}.CheckpointConfig")
    if relocated(config.get("LocalPath", ""), Path()) is None:
        raise not_carried_out(
            f"{where}.CheckpointConfig.LocalPath={config['LocalPath']}", f"use a folder such as {DEFAULT_LOCAL_PATH}"
        )


def _check_s3_uri(uri: str, where: str) -> None:
    try:
        S3Uri.parse(uri)
    except StorageError as error:
        raise validation_error(f"{where}: {error}") from error
