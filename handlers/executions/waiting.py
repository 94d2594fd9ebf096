"""States that wait: the token is stored before the work starts, and answered by whoever notices that it has ended."""

import json
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError
from handlers.contract.settings import Settings
from handlers.contract.states import JobKind
from handlers.executions.outcomes import REJECTED, Failed, Succeeded, goes_to, outcome_of
from handlers.ledger import Ledger, Run, Token
from handlers.ledger.tokens import KEPT_SECONDS
from handlers.training_jobs.jobs import describe

LONGEST_LAMBDA_SECONDS = 900  # after that, the handler that stored a token has made its request or is dead
_TOKEN_IS_OVER = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
_ARN_KINDS: dict[JobKind, str] = {
    "unpacking": "training-job",
    "features": "training-job",
    "tuning": "hyper-parameter-tuning-job",
    "trials": "training-job",
    "training": "training-job",
    "shadow": "endpoint",
    "endpoint": "endpoint",
}


class Resolution(StrEnum):
    """What became of a token, in words for the log."""

    UNKNOWN = "nothing waits for it"
    GOES_ON = "it goes on"
    CLAIMED = "another invocation answers"
    SUCCEEDED = "the state was told that it succeeded"
    FAILED = "the state was told that it failed"


class WaitingStep(Protocol):
    """The input of a state that waits."""

    @property
    def execution_name(self) -> str: ...
    @property
    def task_token(self) -> str: ...


def token_of(settings: Settings, kind: JobKind, name: str, step: WaitingStep, **deployment: Any) -> Token:
    """Return the token of a state that waits for the job or endpoint `name`; an endpoint's has `deployment` too."""
    now = int(time.time())
    return Token(
        resource_arn=settings.sagemaker_arn(_ARN_KINDS[kind], name),
        kind=kind,
        resource_name=name,
        task_token=step.task_token,
        execution_name=step.execution_name,
        created_at=now,
        expires_at=now + KEPT_SECONDS,
        **deployment,
    )


def start(ledger: Ledger, token: Token, create: Callable[[], object] | None) -> bool:
    """Store the token, then create what the state waits for; return False if an earlier try had created it.

    An early event cannot be lost, since the token is there first. What an earlier try created may have ended already:
    then the execution goes on at once. `create` is None when the caller knows of an earlier try.
    """
    token.store(ledger)
    created = create is not None
    try:
        if create:
            create()
    except AwsError as error:
        if not (aws.may_be_done(error) and _met_earlier_try(token)):
            token.forget(ledger)
            raise
        created = False
    if not token.mark_started(ledger):
        logger.info("the token was answered before the request returned", resource_name=token.resource_name)
    if not created:
        logger.info("met an earlier try", kind=token.kind, resource_name=token.resource_name)
        resolve(ledger, token.resource_arn, was_seen=True)
    return created


def _met_earlier_try(token: Token) -> bool:
    """Tell whether the resource exists as this state would have created it."""
    described = describe(token.kind, token.resource_name)
    if described is None or token.kind not in ("endpoint", "shadow"):
        return described is not None
    return goes_to(described, token.endpoint_config_name or "")


def resolve(ledger: Ledger, resource_arn: str, *, was_seen: bool = False) -> Resolution:
    """Answer the token of a job or endpoint if that has ended; return what happened.

    `was_seen` says that an earlier try's was described a moment ago: if it is missing now, it was deleted.
    """
    token = Token.get(ledger, resource_arn)
    if token is None:
        return Resolution.UNKNOWN
    too_old = time.time() - token.created_at > LONGEST_LAMBDA_SECONDS
    outcome = outcome_of(token, surely_started=bool(token.started) or too_old, was_seen=was_seen)
    if outcome is None:
        return Resolution.GOES_ON
    if not token.claim(ledger):
        return Resolution.CLAIMED
    if token.kind == "approval":
        _note_approval(token, outcome, ledger)
    try:
        answer(token.task_token, outcome)
    except AwsError as error:
        if error.code not in _TOKEN_IS_OVER:
            token.release(ledger)
            raise
        logger.warning("the state no longer waits", code=error.code, resource_name=token.resource_name)
    forget(ledger, token)
    resolution = Resolution.SUCCEEDED if isinstance(outcome, Succeeded) else Resolution.FAILED
    logger.info("state resumed", outcome=resolution.name.lower(), resource_name=token.resource_name)
    return resolution


def _note_approval(token: Token, outcome: Succeeded | Failed, ledger: Ledger) -> None:
    """Write into the run's record what a person has said; noted twice, it is the same."""
    is_rejected = isinstance(outcome, Failed) and outcome.error == REJECTED
    words = outcome.cause if isinstance(outcome, Failed) else outcome.output["Words"]
    Run(token.execution_name).note_approval(ledger, words, is_rejected=is_rejected)


def answer(task_token: str, outcome: Succeeded | Failed) -> None:
    """Let the state that holds `task_token` go on, or fail."""
    if isinstance(outcome, Succeeded):
        aws.stepfunctions().send_task_success(taskToken=task_token, output=json.dumps(outcome.output))
    else:
        aws.stepfunctions().send_task_failure(taskToken=task_token, error=outcome.error, cause=outcome.cause)


def forget(ledger: Ledger, token: Token) -> None:
    """Delete the token, unless a retried state has stored a new one meanwhile."""
    if not token.forget(ledger):
        logger.info("the token is gone, or a newer one stays", resource_name=token.resource_name)
