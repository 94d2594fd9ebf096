"""The endpoint configs and models that executions made: noted before they exist, deleted once nothing uses them.

An execution's model and endpoint config bear its name. Since the note comes first, a crash at any point leaves at
worst a note, and the next run's outcome removes what it names.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError
from handlers.contract.settings import Settings
from handlers.executions.turns import execution_status
from handlers.ledger.table import Table
from handlers.training_jobs.jobs import describe

PREFIX = "deployment#"
_STEADY = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")


def note(settings: Settings, execution_name: str) -> None:
    """Write down that an execution is about to create its model and endpoint config."""
    key = PREFIX + execution_name
    table = Table(settings.table_name)
    table.update(key, {"ConfigName": execution_name, "NotedAt": int(time.time())})


def remember_previous(settings: Settings, execution_name: str, previous_config_name: str) -> None:
    """Keep the config that served before this execution's, for a retried state that can no longer see it."""
    Table(settings.table_name).update(PREFIX + execution_name, {"PreviousConfigName": previous_config_name})


def previous_of(settings: Settings, execution_name: str) -> str:
    """Return the config that served before this execution's, or ""."""
    noted = Table(settings.table_name).get(PREFIX + execution_name) or {}
    return str(noted.get("PreviousConfigName", ""))


def in_use(endpoint: Mapping[str, Any] | None) -> set[str] | None:
    """Return the config names that the endpoint needs, or None while it changes, when none may be deleted."""
    if endpoint is None:
        return set()
    if endpoint["EndpointStatus"] not in _STEADY:
        return None
    return {endpoint["EndpointConfigName"]}


def remove_unused(settings: Settings) -> list[str]:
    """Delete every noted config and model that the endpoint does not need; one execution runs at a time."""
    used = in_use(describe("endpoint", settings.endpoint_name))
    if used is None:
        logger.info("the endpoint is changing; unused configs are removed after the next run")
        return []
    table, removed = Table(settings.table_name), []
    for item in table.items(PREFIX):
        name = item["ConfigName"]
        if name in used:
            continue
        _delete(name)
        table.delete(item["Id"])
        removed.append(name)
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
    client = aws.sagemaker()
    if previous_config_name:
        client.update_endpoint(
            EndpointName=endpoint_name, EndpointConfigName=previous_config_name, RetainAllVariantProperties=True
        )
        return f"the endpoint goes back to {previous_config_name!r}"
    client.delete_endpoint(EndpointName=endpoint_name)
    return "the new endpoint was deleted"


def repair(settings: Settings) -> str:
    """Take a model out of service that no one has checked, since its execution was ended; return what was done.

    An execution that is stopped while it deploys leaves an update that SageMaker finishes. Whose endpoint config is
    none of ours, or was reported to serve, is left alone.
    """
    endpoint = describe("endpoint", settings.endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return ""
    name, table = endpoint["EndpointConfigName"], Table(settings.table_name)
    noted = table.get(PREFIX + name)
    serving = table.get(f"serving#{settings.endpoint_name}") or {}
    if noted is None or serving.get("ExecutionName") == name or not _ended_unchecked(name, settings):
        return ""
    said = set_back(settings.endpoint_name, str(noted.get("PreviousConfigName", "")))
    logger.warning("an unchecked model is taken out of service", endpoint_config_name=name, done=said)
    return said


def _ended_unchecked(execution_name: str, settings: Settings) -> bool:
    """Tell whether the execution surely ended before its endpoint was found to be right.

    One that is too old to be known is no reason to touch an endpoint, nor is one that failed later.
    """
    status = execution_status(settings, execution_name)
    if status == "FAILED":
        record = Table(settings.table_name).get(f"run#{execution_name}") or {}
        return record.get("FailedState") in ("DeployEndpoint", "CheckEndpoint")
    return status in ("ABORTED", "TIMED_OUT")


def _delete(name: str) -> None:
    client = aws.sagemaker()
    deletes: list[Callable[[], object]] = [
        lambda: client.delete_endpoint_config(EndpointConfigName=name),
        lambda: client.delete_model(ModelName=name),
    ]
    for delete in deletes:
        try:
            delete()
        except AwsError as error:
            if not aws.is_missing(error):
                raise
