"""`deploy.py logs`: what a function, a training job or the endpoint has written to CloudWatch Logs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ops.errors import OperationError, error_code
from ops.runs import executions
from ops.runs.training_logs import TRAINING_LOG_GROUP
from ops.session import Session, answered_at
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

FUNCTIONS = (
    "unpack-archive",
    "validate-dataset",
    "compute-features",
    "start-tuning-job",
    "start-training-job",
    "evaluate-model",
    "register-model",
    "wait-for-approval",
    "deploy-endpoint",
    "judge-shadow",
    "check-endpoint",
    "register-scaling",
    "report-outcome",
    "start-execution",
    "resume-execution",
    "standby",
    "predict",
)
_OVERLAP_MS = 10_000  # CloudWatch Logs shows events late, so each look goes back over the last one


@dataclass(frozen=True)
class Source:
    """A log group, and the beginning of the streams that matter in it."""

    group: str
    stream_prefix: str = ""


def source(session: Session, stack: Stack, target: str) -> Source:
    """Return where `target` logs: a function's name, "training-job[/NAME]" or "endpoint".

    Raises:
        OperationError: there is no such thing.
    """
    kind, _, name = target.partition("/")
    if kind == "endpoint":
        return Source(f"/aws/sagemaker/Endpoints/{stack.output('EndpointName')}")
    if kind == "training-job":
        latest = name or executions.find_arn(session, stack, None).rsplit(":", 1)[-1]
        return Source(TRAINING_LOG_GROUP, f"{latest}/")
    function = target.removeprefix(f"{session.stack_name}-")
    if function in FUNCTIONS:
        return Source(f"/aws/lambda/{session.stack_name}-{function}")
    raise OperationError(
        f"logs of {target!r}: unknown; expected training-job, endpoint, or one of {', '.join(FUNCTIONS)}"
    )


def lines(session: Session, where: Source, *, since_seconds: float, follow: bool) -> Iterator[str]:
    """Yield the log lines of the last `since_seconds`, and with `follow` those that come, until interrupted.

    Raises:
        OperationError: nothing has been logged there yet.
    """
    start_ms = int((_now(session) - since_seconds) * 1000)
    seen: dict[str, int] = {}
    while True:
        for event in _events(session, where, start_ms, may_be_missing=follow):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                yield _line(event)
        if not follow:
            return
        start_ms = max([start_ms, *(at - _OVERLAP_MS for at in seen.values())])
        seen = {event_id: at for event_id, at in seen.items() if at >= start_ms}
        time.sleep(0.5 if session.is_local else 3.0)


def _now(session: Session) -> float:
    """Return the time by the clock of CloudWatch Logs."""
    return answered_at(session.logs.describe_log_groups(limit=1)).timestamp()


def _events(session: Session, where: Source, start_ms: int, *, may_be_missing: bool) -> list[FilteredLogEventTypeDef]:
    paginator = session.logs.get_paginator("filter_log_events")
    try:
        if where.stream_prefix:
            pages = paginator.paginate(
                logGroupName=where.group, logStreamNamePrefix=where.stream_prefix, startTime=start_ms
            )
        else:
            pages = paginator.paginate(logGroupName=where.group, startTime=start_ms)
        events = (event for page in pages for event in page["events"])
        # moto gives every stream when the prefix meets none.
        of_stream = [event for event in events if event["logStreamName"].startswith(where.stream_prefix)]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        if may_be_missing:
            return []
        raise OperationError(f"log group {where.group!r}: does not exist yet; it comes with the first line") from error
    return sorted(of_stream, key=lambda event: event["timestamp"])


def _line(event: FilteredLogEventTypeDef) -> str:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone()
    return f"{at:%H:%M:%S.%f}"[:-3] + " " + event["message"].rstrip()
