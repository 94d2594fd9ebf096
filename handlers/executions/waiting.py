"""Task tokens in the table: stored before the work starts, answered once it has ended, by whoever notices first.

A token is claimed for a minute, answered, then deleted. A duplicate finds the claim and does nothing; a claimant that
dies leaves a claim that runs out, so that the sweep answers instead and no state waits for its timeout.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError
from handlers.contract.settings import Settings
from handlers.contract.states import JobKind
from handlers.executions.outcomes import Failed, Succeeded, outcome_of
from handlers.ledger.table import Table
from handlers.training_jobs.jobs import describe

PREFIX = "token#"
CLAIM_SECONDS = 60
LONGEST_LAMBDA_SECONDS = 900  # after that, the handler that stored a token has made its request or is dead
_KEPT_SECONDS = 14 * 86_400
_TOKEN_IS_OVER = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
_ARN_KINDS: dict[JobKind, str] = {
    "features": "training-job",
    "tuning": "hyper-parameter-tuning-job",
    "training": "training-job",
    "endpoint": "endpoint",
}


@dataclass(frozen=True)
class Wait:
    """A state that waits: for the job or endpoint `name`, with the token that lets its execution go on."""

    kind: JobKind
    name: str
    task_token: str
    execution_name: str
    endpoint_config_name: str = ""
    previous_endpoint_config_name: str = ""

    def key(self, settings: Settings) -> str:
        return token_key(settings.sagemaker_arn(_ARN_KINDS[self.kind], self.name))


def token_key(resource_arn: str) -> str:
    """Return the key of a resource's token; SageMaker writes names in ARNs in lower case."""
    return PREFIX + resource_arn.lower()


def start(settings: Settings, wait: Wait, create: Callable[[], object] | None) -> bool:
    """Store the token, then create what the state waits for; return False if an earlier try had created it.

    An early event cannot be lost, since the token is there first. What an earlier try created may have ended already:
    then the execution goes on at once. `create` is None when the caller knows of an earlier try.
    """
    table, key = Table(settings.table_name), wait.key(settings)
    _store(table, key, wait)
    created = create is not None
    try:
        if create:
            create()
    except AwsError as error:
        if not (aws.is_taken(error) and _met_earlier_try(wait)):
            table.delete(key, "#TaskToken = :token", token=wait.task_token)
            raise
        created = False
    _mark_started(table, key, wait)
    if not created:
        logger.info("met an earlier try", kind=wait.kind, resource_name=wait.name)
        resolve(settings, key)
    return created


def _met_earlier_try(wait: Wait) -> bool:
    """Tell whether the resource exists as this state would have created it."""
    found = describe(wait.kind, wait.name)
    if found is None or wait.kind != "endpoint":
        return found is not None
    pending = found.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    return wait.endpoint_config_name in (found["EndpointConfigName"], pending)


def _store(table: Table, key: str, wait: Wait) -> None:
    now = int(time.time())
    item = {
        "Id": key,
        "Kind": wait.kind,
        "ResourceName": wait.name,
        "TaskToken": wait.task_token,
        "ExecutionName": wait.execution_name,
        "CreatedAt": now,
        "ExpiresAt": now + _KEPT_SECONDS,
    }
    if wait.kind == "endpoint":
        item["EndpointConfigName"] = wait.endpoint_config_name
        item["PreviousEndpointConfigName"] = wait.previous_endpoint_config_name
    table.put(item)


def _mark_started(table: Table, key: str, wait: Wait) -> None:
    if not table.update(key, {"Started": True}, "#TaskToken = :token", token=wait.task_token):
        logger.info("the token was answered before the request returned", resource_name=wait.name)


def resolve(settings: Settings, key: str) -> str:
    """Answer the token under `key` if what it waits for has ended; return what happened, in words."""
    table = Table(settings.table_name)
    item = table.get(key)
    if item is None:
        return "nothing waits for it"
    too_old = time.time() - item["CreatedAt"] > LONGEST_LAMBDA_SECONDS
    outcome = outcome_of(item, surely_started=bool(item.get("Started")) or too_old)
    if outcome is None:
        return "it goes on"
    if not _claim(table, item):
        return "another invocation answers"
    try:
        answer(item["TaskToken"], outcome)
    except AwsError as error:
        if error.code not in _TOKEN_IS_OVER:
            table.update(key, {"TakenAt": None}, "#TaskToken = :token", token=item["TaskToken"])
            raise
        logger.warning("the state no longer waits", code=error.code, resource_name=item["ResourceName"])
    forget(table, item)
    word = "succeeded" if isinstance(outcome, Succeeded) else "failed"
    logger.info("state resumed", outcome=word, resource_name=item["ResourceName"])
    return f"the state was told that it {word}"


def _claim(table: Table, item: Mapping[str, Any]) -> bool:
    now = int(time.time())
    free = "#TaskToken = :token AND (attribute_not_exists(#TakenAt) OR #TakenAt < :stale)"
    return table.update(item["Id"], {"TakenAt": now}, free, token=item["TaskToken"], stale=now - CLAIM_SECONDS)


def answer(task_token: str, outcome: Succeeded | Failed) -> None:
    """Let the state that holds `task_token` go on, or fail."""
    if isinstance(outcome, Succeeded):
        aws.stepfunctions().send_task_success(taskToken=task_token, output=json.dumps(outcome.output))
    else:
        aws.stepfunctions().send_task_failure(taskToken=task_token, error=outcome.error, cause=outcome.cause)


def forget(table: Table, item: Mapping[str, Any]) -> None:
    """Delete the token, unless a retried state has stored a new one meanwhile."""
    if not table.delete(item["Id"], "#TaskToken = :token", token=item["TaskToken"]):
        logger.info("a newer token stays", resource_name=item["ResourceName"])
