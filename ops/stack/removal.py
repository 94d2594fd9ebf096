"""What executions have made for serving, and its removal: endpoints of every name, scaling, models and packages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from ops.errors import NOT_OFFERED, StackError, error_code, unless_gone
from ops.session import Session
from ops.stack import endpoints
from ops.stack.belongings import Belongings
from ops.stack.tagged import Tagged

Say = Callable[[str], None]


def remove_serving(session: Session, own: Belongings, tagged: Tagged, former: set[str], say: Say) -> None:
    """Remove all that serves or has served; what a person has made of it is left and named."""
    for name in sorted({own.endpoint, *tagged.endpoints, *former} - {""}):
        if name in tagged.endpoints or (name == own.endpoint and not endpoints.owner(session, name)):
            remove_endpoint(session, name, say)
        elif endpoints.find(session, name) is None:
            _remove_scaling(session, name, say)
    _delete_models(session, own.data_bucket, tagged, say)
    if own.model_package_group:
        _delete_model_packages(session, own.model_package_group, say)
    _delete_model_cards(session, tagged.model_cards, say)


def remove_endpoint(session: Session, endpoint: str, say: Say) -> None:
    """Take an endpoint out of autoscaling and delete it with its log group; one that is being made is waited for."""
    _remove_scaling(session, endpoint, say)
    if endpoints.find(session, endpoint) is not None:
        say(f"deleting endpoint {endpoint!r} ...")
        _wait_for_endpoint(session, endpoint, {"InService", "Failed", "OutOfService", "UpdateRollbackFailed"})
        unless_gone(session.sagemaker.delete_endpoint, EndpointName=endpoint)
        _wait_for_endpoint(session, endpoint, set())
    unless_gone(session.logs.delete_log_group, logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")


def _remove_scaling(session: Session, endpoint: str, say: Say) -> None:
    """Take the endpoint out of autoscaling, and delete the alarms of target tracking that are left of it."""
    if endpoints.deregister(session, endpoint):
        say(f"took endpoint {endpoint!r} out of autoscaling")
    cloudwatch = session.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"TargetTracking-{endpoints.resource_id(endpoint, '')}"
    )
    alarms = [alarm["AlarmName"] for page in pages for alarm in page.get("MetricAlarms", [])]
    for start in range(0, len(alarms), 100):
        cloudwatch.delete_alarms(AlarmNames=alarms[start : start + 100])


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


def _delete_models(session: Session, data_bucket: str, tagged: Tagged, say: Say) -> None:
    """Delete the models that bear the stack's tag or whose artifact lies in its data bucket, and configs of both kinds.

    An endpoint that a person has made with such a config goes on, and is named.
    """
    models = set(tagged.models)
    if data_bucket:
        prefix = f"s3://{data_bucket}/"
        models |= {name for name in _model_names(session) if _model_data(session, name).startswith(prefix)}
    configs = {name for name in _config_names(session) if models & _models_of(session, name)}
    configs |= set(tagged.endpoint_configs)
    for name in (name for name, config in _serving_configs(session) if config in configs) if configs else ():
        say(
            f"left: endpoint {name!r} serves one of the stack's models and was not made by the stack; if you do not"
            f" need it, run `aws sagemaker delete-endpoint --endpoint-name {name}`"
        )
    for name in configs:
        unless_gone(session.sagemaker.delete_endpoint_config, EndpointConfigName=name)
    for name in models:
        unless_gone(session.sagemaker.delete_model, ModelName=name)
    if models or configs:
        say(f"deleted {len(configs)} endpoint configs and {len(models)} models")


def _serving_configs(session: Session) -> Iterator[tuple[str, str]]:
    """Yield each endpoint that is still there with its config."""
    for page in session.sagemaker.get_paginator("list_endpoints").paginate():
        for entry in page["Endpoints"]:
            if (endpoint := endpoints.find(session, entry["EndpointName"])) and endpoint.status != "Deleting":
                yield endpoint.name, endpoint.config_name


def _delete_model_packages(session: Session, group: str, say: Say) -> None:
    pages = session.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    packages = unless_gone(lambda: [package for page in pages for package in page["ModelPackageSummaryList"]]) or []
    for package in packages:
        session.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    if packages:
        say(f"deleted {len(packages)} model packages")


def _delete_model_cards(session: Session, names: tuple[str, ...], say: Say) -> None:
    """Delete the cards with the packages that they tell of; one that may not be deleted stays, and is named."""
    deleted = 0
    for name in names:
        try:
            unless_gone(session.sagemaker.delete_model_card, ModelCardName=name)
            deleted += 1
        except ClientError as error:
            if error_code(error) not in NOT_OFFERED:
                raise
            say(f"left: model card {name!r}; {error_code(error)}: you may not delete it")
    if deleted:
        say(f"deleted {deleted} model cards")


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
