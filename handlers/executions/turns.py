"""One execution at a time: who has the turn, and which datasets wait for theirs."""

import time
from collections.abc import Mapping
from typing import Any

from handlers import aws
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.settings import Settings
from handlers.executions.records import now
from handlers.ledger.table import Table

LOCK = "lock#pipeline"
PENDING = "pending#"
GOING = ("RUNNING", "PENDING_REDRIVE")
_STARTING_SECONDS = 900  # a holder whose execution never appeared: no Lambda lives longer


def execution_status(settings: Settings, execution_name: str) -> str:
    """Return the status of an execution, or "" if there is none of that name."""
    try:
        return aws.stepfunctions().describe_execution(executionArn=settings.execution_arn(execution_name))["status"]
    except AwsNotFoundError:
        return ""


def take_turn(settings: Settings, execution_name: str) -> str:
    """Take the turn for an execution; return "", or the name of the execution that has it.

    A turn that its execution did not give back, because the event of its end was lost, is taken over.
    """
    table = Table(settings.table_name)
    item = {"Id": LOCK, "ExecutionName": execution_name, "TakenAt": int(time.time())}
    if table.put(item, "attribute_not_exists(#Id) OR #ExecutionName = :own", own=execution_name):
        return ""
    holder = table.get(LOCK)
    if holder is None:  # given back just now
        return take_turn(settings, execution_name)
    name = str(holder["ExecutionName"])
    taken_over = _is_over(settings, holder) and table.put(item, "#ExecutionName = :over", over=name)
    return "" if taken_over else name


def _is_over(settings: Settings, holder: Mapping[str, Any]) -> bool:
    status = execution_status(settings, holder["ExecutionName"])
    if status:
        return status not in GOING
    return time.time() - int(holder["TakenAt"]) > _STARTING_SECONDS


def turn_is_free(settings: Settings) -> bool:
    holder = Table(settings.table_name).get(LOCK)
    return holder is None or _is_over(settings, holder)


def give_turn_back(settings: Settings, execution_name: str) -> None:
    """End an execution's turn; someone else's stays."""
    Table(settings.table_name).delete(LOCK, "#ExecutionName = :own", own=execution_name)


def queue(settings: Settings, name: str, s3_uri: str) -> None:
    """Let a dataset wait for its turn; its newest upload takes the place of an earlier one that still waits."""
    table, key = Table(settings.table_name), PENDING + name
    waiting = table.get(key)
    since = waiting["QueuedAt"] if waiting else now()
    table.put({"Id": key, "Name": name, "S3Uri": s3_uri, "QueuedAt": since, "Version": time.time_ns()})


def queued(settings: Settings) -> list[dict[str, Any]]:
    """Return the datasets that wait, the one that has waited longest first."""
    return sorted(Table(settings.table_name).items(PENDING), key=lambda item: (item["QueuedAt"], item["Id"]))


def unqueue(settings: Settings, item: Mapping[str, Any]) -> None:
    """Take a dataset out of the queue, unless a newer upload has taken its place."""
    Table(settings.table_name).delete(item["Id"], "#Version = :seen", seen=item["Version"])
