"""Start an execution for a dataset's content of now: once, in its turn, and not for nothing.

The execution's name says dataset, content, code, settings and attempt, so however often the same wish arrives, one
execution is started; a failed or forced one leads to the next attempt.
"""

import json
from dataclasses import dataclass
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsInUseError, AwsNotFoundError, RetrieverError
from handlers.contract.names import execution_name, run_key
from handlers.contract.settings import Settings
from handlers.contract.states import DatasetRequest
from handlers.datasets.fingerprint import fingerprint_of
from handlers.executions import records, turns
from handlers.ledger.table import Table

OPEN = ("STARTING", "RUNNING")
Answer = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A wish for an execution: of which dataset, why, and whether an unchanged one is to run again."""

    name: str
    s3_uri: str
    reason: str  # upload, schedule, manual or queued
    force: bool = False


def refused(reason: str) -> Answer:
    logger.info("nothing started", reason=reason)
    return {"Started": False, "Reason": reason}


def start(request: Request, settings: Settings) -> Answer:
    """Start an execution for the content that is in S3 now, or say why not."""
    try:
        fingerprint = fingerprint_of(request.s3_uri)
    except AwsNotFoundError:
        return refused(f"dataset {request.name!r}: {request.s3_uri!r} does not exist; upload it again")
    key = run_key(request.name, fingerprint, settings.training_source_s3_uri, settings.model_digest())
    attempt, last = next_attempt(request.name, key, settings)
    if last is not None:
        status = last["Status"] if last["Status"] not in OPEN else turns.execution_status(settings, last["Id"][4:])
        if status in turns.GOING:
            return refused(f"dataset {request.name!r}: execution {last['Id'][4:]!r} runs on the same content")
        if status == "":
            attempt -= 1  # it was noted and never came to be
        elif status == "SUCCEEDED" and not request.force and _serves(last["Id"][4:], settings):
            return skip(request, last["Id"][4:], settings)
    name = execution_name(request.name, key, attempt)
    holder = turns.take_turn(settings, name)
    if holder:
        return queue(request, holder, settings)
    dataset = DatasetRequest(name=request.name, s3_uri=request.s3_uri, fingerprint=fingerprint)
    return launch(name, dataset, request, key, attempt, settings)


def next_attempt(dataset_name: str, key: str, settings: Settings) -> tuple[int, dict[str, Any] | None]:
    """Return the first attempt of the run key that has no record, and the record of the one before it."""
    table, last = Table(settings.table_name), None
    noted = table.get(f"dataset#{dataset_name}") or {}
    attempt = int(noted.get("Attempt", 1)) if noted.get("RunKey") == key else 1
    while found := table.get(records.PREFIX + execution_name(dataset_name, key, attempt)):
        attempt, last = attempt + 1, found
    return attempt, last


def _serves(name: str, settings: Settings) -> bool:
    serving = Table(settings.table_name).get(f"serving#{settings.endpoint_name}")
    return serving is None or serving["ExecutionName"] == name


def skip(request: Request, name: str, settings: Settings) -> Answer:
    """Record that nothing has changed since an execution that succeeded."""
    said = f"dataset {request.name!r}: data, code and settings are those of {name!r}, which succeeded; nothing to do"
    changes = {"SkippedAt": records.now(), "SkipReason": said}
    Table(settings.table_name).update(f"dataset#{request.name}", changes)
    return refused(said)


def queue(request: Request, holder: str, settings: Settings) -> Answer:
    """Let the dataset wait for the execution that runs; if that has ended just now, start at once."""
    turns.queue(settings, request.name, request.s3_uri)
    if turns.turn_is_free(settings):
        return start_next(settings)
    return refused(f"dataset {request.name!r} is queued; it starts when execution {holder!r} has ended")


def launch(name: str, dataset: DatasetRequest, request: Request, key: str, attempt: int, settings: Settings) -> Answer:
    """Note the run, then start its execution; its name makes a second start the same execution."""
    table = Table(settings.table_name)
    started = records.now()
    note = {"Id": records.PREFIX + name, "ExecutionName": name, "Status": "STARTING", "Dataset": dataset.name}
    table.put({**note, "Fingerprint": dataset.fingerprint, "StartedAt": started}, "attribute_not_exists(#Id)")
    state = {"Dataset": dataset.to_event(), "Trigger": {"Reason": request.reason}}
    try:
        aws.stepfunctions().start_execution(
            stateMachineArn=settings.state_machine_arn, name=name, input=json.dumps(state, sort_keys=True)
        )
    except AwsInUseError:
        return _met_namesake(name, request, settings)
    except RetrieverError:
        turns.give_turn_back(settings, name)
        table.delete(note["Id"], "#Status = :starting", starting="STARTING")
        raise
    table.update(note["Id"], {"Status": "RUNNING"}, "#Status = :starting", starting="STARTING")
    changes = {"Fingerprint": dataset.fingerprint, "RunKey": key, "Attempt": attempt, "ExecutionName": name}
    changes |= {"Name": dataset.name, "S3Uri": dataset.s3_uri, "Status": "RUNNING", "UpdatedAt": started}
    table.update(f"dataset#{dataset.name}", changes)
    said = f"dataset {dataset.name!r}: execution {name!r} started ({request.reason})"
    logger.info("execution started", execution_name=name, reason=request.reason)
    return {"Started": True, "ExecutionName": name, "ExecutionArn": settings.execution_arn(name), "Reason": said}


def _met_namesake(name: str, request: Request, settings: Settings) -> Answer:
    """Answer for an execution of this name that is there: wait for it, or take the next attempt if it has ended."""
    status = turns.execution_status(settings, name)
    if status in turns.GOING:
        return refused(f"dataset {request.name!r}: execution {name!r} was started before")
    Table(settings.table_name).update(records.PREFIX + name, {"Status": status})
    return start(request, settings)


def start_next(settings: Settings) -> Answer:
    """Start the dataset that has waited longest; those that need no run leave the queue."""
    answer = refused("no dataset waits")
    for item in turns.queued(settings):
        answer = start(Request(item["Name"], item["S3Uri"], "queued"), settings)
        if not answer["Started"] and not turns.turn_is_free(settings):
            return answer
        turns.unqueue(settings, item)
        if answer["Started"]:
            return answer
    return answer
