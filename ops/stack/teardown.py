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
from ops.session import Session
from ops.stack import artifacts, belongings, endpoints, stacks
from ops.stack.belongings import Belongings
from ops.stack.stacks import Stack

Say = Callable[[str], None]
_GONE = {
    "ValidationException",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
    "ExecutionDoesNotExist",
}


def down(session: Session, say: Say, *, is_forced: bool = False) -> str:
    """Remove the stack with its endpoint, models and code; return the data bucket's name, "" if none.

    It begins from every state that a stack can be in, and goes on where an earlier one was interrupted. By force the
    stack goes although some of its resources cannot be deleted; they are named.

    Raises:
        StackError: there is nothing to remove, or something could not be removed.
    """
    stack = _settled(session)
    bucket = artifacts.bucket_name(session)
    if stack is None:
        if not artifacts.exists(session, bucket) or not artifacts.empty(session, bucket):
            raise StackError(
                f"stack {session.stack_name!r}: does not exist in {session.region}; there is nothing to remove"
            )
        return ""
    own = belongings.of(session, stack)
    try:
        _stop_executions(session, own, say)
        _remove_serving(session, own, say)
        _delete_stack(session, stack, say, is_forced=is_forced)
    except KeyboardInterrupt:
        say(
            f"\ninterrupted: stack {session.stack_name!r} is partly removed and starts no execution;"
            f" `deploy.py down{session.flags}` goes on, `deploy.py up{session.flags}` takes it into use again"
        )
        raise
    if artifacts.exists(session, bucket):
        say(f"emptying artifacts bucket {bucket!r} ...")
        artifacts.empty(session, bucket)
    return own.data_bucket


def _settled(session: Session) -> Stack | None:
    """Return the stack once nobody changes it any more.

    Raises:
        StackError: it is protected, so that it must not be deleted, or stays busy.
    """
    stack = stacks.find(session)
    if stack is not None and stacks.is_busy(stack.status):
        stacks.wait_while_busy(session, stack)
        stack = stacks.find(session)
    if stack is not None and stack.is_protected:
        raise StackError(
            f"stack {session.stack_name!r}: is protected against deletion; if it is to go, first run"
            " `aws cloudformation update-termination-protection --no-enable-termination-protection"
            f" --stack-name {session.stack_name}`"
        )
    return stack


def _delete_stack(session: Session, stack: Stack, say: Say, *, is_forced: bool) -> None:
    """Delete the stack; what cannot be deleted is named.

    Raises:
        StackError: something could not be deleted, and `is_forced` is not set.
    """
    say(f"deleting stack {session.stack_name!r} ...")
    try:
        stacks.delete(session, stack)
    except StackError as error:
        left = stacks.find(session)
        if left is None or left.status != "DELETE_FAILED":
            raise
        failed = [entry for entry in stacks.resources(session, left) if entry["ResourceStatus"] == "DELETE_FAILED"]
        names = ", ".join(f"{entry['LogicalResourceId']} ({entry.get('PhysicalResourceId')})" for entry in failed)
        if not is_forced:
            raise StackError(
                f"{error}. Not deleted: {names}; remove what keeps them and run `deploy.py down{session.flags}` again,"
                f" or leave them behind with `deploy.py down --force{session.flags}`"
            ) from error
        stacks.delete(session, left, is_forced=True)
        say(f"left behind, delete by hand what you do not need: {names}")


def _stop_executions(session: Session, own: Belongings, say: Say) -> None:
    """Stop what runs, and the jobs it waits for: they would be billed on. What waits for its turn may not start now."""
    if own.start_execution:
        stop = session.functions.put_function_concurrency
        _ignoring_gone(stop, FunctionName=own.start_execution, ReservedConcurrentExecutions=0)
    for name, arn in _running(session, own.state_machine_arn):
        say(f"stopping execution {name!r} ...")
        _ignoring_gone(session.stepfunctions.stop_execution, executionArn=arn, cause="deploy.py down")
        tuning = names.tuning_job_name(name)
        _ignoring_gone(session.sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=tuning)
        for job in (names.features_job_name(name), names.training_job_name(name)):
            _ignoring_gone(session.sagemaker.stop_training_job, TrainingJobName=job)


def _running(session: Session, state_machine_arn: str) -> list[tuple[str, str]]:
    """Return name and ARN of the executions that run; none when the state machine is gone."""
    if not state_machine_arn:
        return []
    pages = session.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=state_machine_arn, statusFilter="RUNNING"
    )
    try:
        return [(entry["name"], entry["executionArn"]) for page in pages for entry in page["executions"]]
    except ClientError as error:
        if error_code(error) in _GONE:
            return []
        raise


def _remove_serving(session: Session, own: Belongings, say: Say) -> None:
    if own.endpoint and endpoints.owner(session, own.endpoint) in {"", session.stack_name}:
        _remove_endpoint(session, own.endpoint, say)
    if own.data_bucket:
        _delete_models(session, own.data_bucket, say)
    if own.model_package_group:
        _delete_model_packages(session, own.model_package_group, say)


def _remove_endpoint(session: Session, endpoint: str, say: Say) -> None:
    endpoints.deregister(session, endpoint)
    if endpoints.find(session, endpoint) is None:
        return
    say(f"deleting endpoint {endpoint!r} ...")
    _wait_for_endpoint(session, endpoint, {"InService", "Failed", "OutOfService"})
    _ignoring_gone(session.sagemaker.delete_endpoint, EndpointName=endpoint)
    _wait_for_endpoint(session, endpoint, set())


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
