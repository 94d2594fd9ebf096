"""`deploy.py down`: remove all that the stack and its executions made, but for the data bucket.

The artifacts bucket stays too, empty: S3 would hold its name, which the next `up` needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from handlers.contract import names
from ops.errors import StackError, error_code
from ops.runs import executions
from ops.session import Session
from ops.stack import artifacts, endpoints, stacks
from ops.stack.deployment import print_event
from ops.stack.stacks import Stack

Say = Callable[[str], None]
_GONE = {"ValidationException", "ResourceNotFound", "ResourceNotFoundException"}


def down(session: Session, say: Say) -> str:
    """Remove the stack with its endpoint, models and code; return the data bucket's name, "" if none.

    Raises:
        StackError: there is nothing to remove, or something could not be removed.
    """
    stack = stacks.find(session)
    bucket = artifacts.bucket_name(session)
    num_emptied = artifacts.empty(session, bucket) if stack is None and artifacts.exists(session, bucket) else 0
    if stack is None and not num_emptied:
        raise StackError(
            f"stack {session.stack_name!r}: does not exist in {session.region}; there is nothing to remove"
        )
    data_bucket = ""
    if stack is not None:
        data_bucket = stack.outputs.get("DataBucketName", "")
        if stack.outputs:
            _stop_executions(session, stack, say)
            _remove_serving(session, stack, say)
        say(f"deleting stack {session.stack_name!r} ...")
        stacks.delete(session, stack.stack_id, seconds=300.0 if session.is_local else 3600.0, on_event=print_event)
        if artifacts.exists(session, bucket):
            say(f"emptying artifacts bucket {bucket!r} ...")
            artifacts.empty(session, bucket)
    return data_bucket


def _stop_executions(session: Session, stack: Stack, say: Say) -> None:
    """Stop what runs, and the jobs it waits for: they would be billed on. What waits for its turn may not start now."""
    function = stack.output("StartExecutionFunctionName")
    _ignoring_gone(session.functions.put_function_concurrency, FunctionName=function, ReservedConcurrentExecutions=0)
    for entry in executions.running(session, stack):
        say(f"stopping execution {entry['name']!r} ...")
        session.stepfunctions.stop_execution(executionArn=entry["executionArn"], cause="deploy.py down")
        tuning = names.tuning_job_name(entry["name"])
        _ignoring_gone(session.sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=tuning)
        for name in (names.features_job_name(entry["name"]), names.training_job_name(entry["name"])):
            _ignoring_gone(session.sagemaker.stop_training_job, TrainingJobName=name)


def _remove_serving(session: Session, stack: Stack, say: Say) -> None:
    endpoint = stack.output("EndpointName")
    endpoints.deregister(session, endpoint)
    if endpoints.find(session, endpoint) is not None:
        say(f"deleting endpoint {endpoint!r} ...")
        _wait_for_endpoint(session, endpoint, {"InService", "Failed", "OutOfService"})
        _ignoring_gone(session.sagemaker.delete_endpoint, EndpointName=endpoint)
        _wait_for_endpoint(session, endpoint, set())
    _delete_models(session, stack.output("DataBucketName"), say)
    _delete_model_packages(session, stack.output("ModelPackageGroupName"), say)


def _wait_for_endpoint(session: Session, name: str, statuses: set[str]) -> None:
    """Wait until the endpoint has one of `statuses` or is gone; while it is created or updated it cannot be deleted."""
    deadline = time.monotonic() + (120.0 if session.is_local else 3600.0)
    while time.monotonic() < deadline:
        endpoint = endpoints.find(session, name)
        if endpoint is None or endpoint.status in statuses:
            return
        time.sleep(session.poll_seconds)
    raise StackError(
        f"endpoint {name!r}: cannot be deleted, it stays busy; run `deploy.py down{session.flags}` again later"
    )


def _delete_models(session: Session, data_bucket: str, say: Say) -> None:
    """Delete the models whose artifact lies in the data bucket, and the endpoint configs that serve them."""
    models = {name for name in _model_names(session) if _model_data(session, name).startswith(f"s3://{data_bucket}/")}
    configs = [name for name in _config_names(session) if models & _models_of(session, name)]
    for name in configs:
        _ignoring_gone(session.sagemaker.delete_endpoint_config, EndpointConfigName=name)
    for name in models:
        _ignoring_gone(session.sagemaker.delete_model, ModelName=name)
    if models or configs:
        say(f"deleted {len(configs)} endpoint configs and {len(models)} models")


def _delete_model_packages(session: Session, group: str, say: Say) -> None:
    pages = session.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    try:
        arns = [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]
    except ClientError as error:
        if error_code(error) in _GONE:
            return
        raise
    for arn in arns:
        session.sagemaker.delete_model_package(ModelPackageName=arn)
    if arns:
        say(f"deleted {len(arns)} model packages")


def _model_names(session: Session) -> Iterator[str]:
    for page in session.sagemaker.get_paginator("list_models").paginate():
        for model in page["Models"]:
            yield model["ModelName"]


def _config_names(session: Session) -> Iterator[str]:
    for page in session.sagemaker.get_paginator("list_endpoint_configs").paginate():
        for config in page["EndpointConfigs"]:
            yield config["EndpointConfigName"]


def _model_data(session: Session, name: str) -> str:
    container = session.sagemaker.describe_model(ModelName=name).get("PrimaryContainer", {})
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    return container.get("ModelDataUrl", "") or source.get("S3Uri", "")


def _models_of(session: Session, config_name: str) -> set[str]:
    variants = session.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)["ProductionVariants"]
    return {variant.get("ModelName", "") for variant in variants}


def _ignoring_gone(call: Callable[..., Any], **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if error_code(error) not in _GONE:
            raise
