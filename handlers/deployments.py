"""The endpoint configs and models that executions made: noted before they exist, deleted once nothing uses them.

An execution's model and endpoint config bear its name. Since the note comes first, a crash at any point leaves at
worst a note, and the next run's outcome removes what it names.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from handlers import aws
from handlers.errors import AwsError
from handlers.jobs import describe
from handlers.logs import logger
from handlers.settings import Settings
from handlers.table import Table

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
