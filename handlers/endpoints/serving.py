"""What serves, and what is left of what served: unused configs and models go, an unchecked one is set back.

An execution's model and endpoint config bear its name. Since the note comes first, a crash at any point leaves at
worst a note, and the next run's outcome removes what it names.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError, EndpointFailedError
from handlers.contract.names import STACK_TAG
from handlers.contract.settings import Settings
from handlers.endpoints.kinds import is_serverless
from handlers.executions.outcomes import goes_to
from handlers.executions.turns import GOING, execution_status
from handlers.ledger import Deployment, Ledger, Run, RunStatus, Serving, Standby
from handlers.ledger.standby import made_at
from handlers.training_jobs.jobs import describe

_STEADY = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")


def in_use(endpoint: Mapping[str, Any] | None) -> set[str] | None:
    """Return the config names that the endpoint needs, or None while it changes, when none may be deleted."""
    if endpoint is None:
        return set()
    if endpoint["EndpointStatus"] not in _STEADY:
        return None
    return {endpoint["EndpointConfigName"]}


def kept(ledger: Ledger, used: set[str], most: int) -> set[str]:
    """Return the configs that stay: those in use, and of those that have served the newest, `most` in all."""
    newest = sorted(Deployment.all(ledger), key=lambda made: made.noted_at, reverse=True)
    have_served = [made.config_name for made in newest if made.config_name not in used and _has_served(made, ledger)]
    return used | set(have_served[: max(0, most - len(used))])


def _has_served(made: Deployment, ledger: Ledger) -> bool:
    run = Run.get(ledger, made.config_name)
    return run is not None and run.status == RunStatus.SUCCEEDED


def remove_unused(ledger: Ledger, settings: Settings) -> list[str]:
    """Delete every noted config and model but the last KeepDeployments that served; one execution runs at a time."""
    used = in_use(describe("endpoint", settings.endpoint_name))
    if used is None:
        logger.info("the endpoint is changing; unused configs are removed after the next run")
        return []
    used |= {Standby.of(ledger, settings.endpoint_name).config_name} - {""}  # of an endpoint that is away
    used |= {Deployment.before_shadow(ledger, name) for name in used}  # a shadow's end needs what served before it
    stay, removed = kept(ledger, used, settings.keep_deployments), []
    for made in Deployment.all(ledger):
        if made.config_name in stay:
            continue
        _delete(made.config_name)
        made.forget(ledger)
        removed.append(made.config_name)
    return removed


def wait_until_steady(settings: Settings, seconds: float) -> bool:
    """Return whether the endpoint stops changing, or is gone, within `seconds`."""
    deadline, pause = time.monotonic() + seconds, 0.5
    while in_use(describe("endpoint", settings.endpoint_name)) is None:
        if time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
        pause = min(15.0, pause * 1.5)
    return True


def set_back(endpoint_name: str, previous_config_name: str) -> str:
    """Point the endpoint to the config that served before, or delete a new one; return what was done, in words."""
    if not previous_config_name:
        remove_endpoint(endpoint_name)
        return "the new endpoint was deleted"
    has_counts = not is_serverless(describe("endpoint", endpoint_name))
    try:
        aws.sagemaker().update_endpoint(
            EndpointName=endpoint_name, EndpointConfigName=previous_config_name, RetainAllVariantProperties=has_counts
        )
    except AwsError as error:
        endpoint = describe("endpoint", endpoint_name) if aws.may_be_done(error) else None
        if endpoint is None or not goes_to(endpoint, previous_config_name):
            raise
    return f"the endpoint goes back to {previous_config_name!r}"


def remove_endpoint(endpoint_name: str) -> None:
    """Delete the endpoint; one that is gone, or going, was deleted by an earlier try."""
    try:
        aws.sagemaker().delete_endpoint(EndpointName=endpoint_name)
    except AwsError as error:
        endpoint = describe("endpoint", endpoint_name) if aws.may_be_done(error) else {"EndpointStatus": ""}
        if endpoint and endpoint["EndpointStatus"] != "Deleting":
            raise


def make_room(endpoint: Mapping[str, Any], settings: Settings, seconds: float) -> None:
    """Delete an endpoint that serves nothing, or cannot become what is wanted, and wait until its name is free.

    Raises:
        EndpointFailedError: it is not gone within `seconds`.
    """
    name = settings.endpoint_name
    if endpoint["EndpointStatus"] != "Deleting":
        logger.warning("an endpoint makes room for another", endpoint_name=name, was=endpoint["EndpointStatus"])
        remove_endpoint(name)
    deadline, pause = time.monotonic() + seconds, 0.5
    while describe("endpoint", name) is not None:
        if time.monotonic() + pause > deadline:
            raise EndpointFailedError(
                f"endpoint {name!r} is still being deleted after {seconds:.0f} s; start the execution again"
            )
        time.sleep(pause)
        pause = min(15.0, pause * 1.5)


def require_own(endpoint: Mapping[str, Any], settings: Settings) -> None:
    """Refuse to touch an endpoint that an execution of another stack has made under this stack's endpoint name.

    Raises:
        EndpointFailedError: it bears another stack's tag.
    """
    tags = aws.sagemaker().list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"]
    owner = next((tag["Value"] for tag in tags if tag["Key"] == STACK_TAG), settings.stack_name)
    if owner != settings.stack_name:
        raise EndpointFailedError(
            f"endpoint {settings.endpoint_name!r} is stack {owner!r}'s; give this stack another EndpointName with "
            "`deploy.py up` and start the execution again, which trains nothing anew"
        )


def take_out(execution_name: str, ledger: Ledger, settings: Settings) -> str:
    """Set the endpoint back if it serves an execution's model, or has it as a shadow; return what was done, or ""."""
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return ""
    made = Deployment.get(ledger, endpoint["EndpointConfigName"])
    return _take_out(made, ledger, settings) if made and made.execution_name == execution_name else ""


def repair(ledger: Ledger, settings: Settings) -> str:
    """Take a model out that no one has checked, since its execution was ended, or its shadow; return what was done.

    An execution that is stopped while it deploys leaves an update that SageMaker finishes. Whose endpoint config is
    none of ours, or was noted to serve, is left alone.
    """
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return ""
    name = endpoint["EndpointConfigName"]
    made, serving = Deployment.get(ledger, name), Serving.get(ledger, settings.endpoint_name)
    if made is None or (serving and serving.execution_name == name) or not _is_left(made, ledger, settings):
        return ""
    return _take_out(made, ledger, settings)


def _is_left(made: Deployment, ledger: Ledger, settings: Settings) -> bool:
    """Tell whether the execution that made a config is over without its model; a shadow is paid in any case."""
    if made.shadow_of:
        return execution_status(settings, made.shadow_of) not in GOING
    return _ended_unchecked(made.config_name, ledger, settings)


def _take_out(made: Deployment, ledger: Ledger, settings: Settings) -> str:
    previous = made.previous_config_name
    if not (previous and (done := _exchange(previous, ledger, settings))):
        done = set_back(settings.endpoint_name, previous)
    logger.warning("an unchecked model is taken out of service", endpoint_config_name=made.config_name, done=done)
    return done


def _exchange(previous: str, ledger: Ledger, settings: Settings) -> str:
    """Delete an endpoint on instances for the serverless one that served before, if it did; the sweep brings that."""
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint is None or is_serverless(endpoint) or not _is_of_serverless(previous):
        return ""
    row = Standby.of(ledger, settings.endpoint_name)
    replace(row, config_name=previous, created_at=made_at(endpoint), wanted_at=int(time.time()), tags=[]).take(ledger)
    remove_endpoint(settings.endpoint_name)
    return f"the endpoint is created again with {previous!r}, which no update leads to"


def _is_of_serverless(config_name: str) -> bool:
    try:
        variants = aws.sagemaker().describe_endpoint_config(EndpointConfigName=config_name)["ProductionVariants"]
    except AwsError as error:
        if aws.is_missing(error):  # then the update says so
            return False
        raise
    return any("ServerlessConfig" in variant for variant in variants)


def _ended_unchecked(execution_name: str, ledger: Ledger, settings: Settings) -> bool:
    """Tell whether the execution surely ended before its endpoint was found to be right.

    One that is too old to be known is no reason to touch an endpoint, nor is one that failed later. One whose report
    was cut short says nothing of where it failed, but whatever was checked and scaled is noted to serve.
    """
    status = execution_status(settings, execution_name)
    if status == "FAILED":
        run = Run.get(ledger, execution_name)
        return run is not None and run.failed_state in ("DeployEndpoint", "CheckEndpoint", None)
    return status in ("ABORTED", "TIMED_OUT")


def _delete(name: str) -> None:
    """Delete what there is, after a look: the role may delete what bears the stack's tag, and nothing bears none."""
    client = aws.sagemaker()
    deletes: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (
            lambda: client.describe_endpoint_config(EndpointConfigName=name),
            lambda: client.delete_endpoint_config(EndpointConfigName=name),
        ),
        (lambda: client.describe_model(ModelName=name), lambda: client.delete_model(ModelName=name)),
    ]
    for look, delete in deletes:
        try:
            look()
            delete()
        except AwsError as error:
            if not aws.is_missing(error):
                raise
