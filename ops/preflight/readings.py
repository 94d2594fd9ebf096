"""Asks the account what it allows; what may not be asked is said, with the permission that is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import error_code
from ops.preflight.finding import Finding, Verdict
from ops.preflight.lambda_concurrency import Concurrency
from ops.preflight.sagemaker_quotas import Quota
from ops.session import Session

_Reading = TypeVar("_Reading")
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_ABSENT = {"ResourceNotFoundException", "NoSuchEntity", "404", "RepositoryNotFoundException"}


class UnansweredError(Exception):
    """The account did not say; the message names the permission or the reason."""


def ask(permission: str, question: Callable[[], _Reading]) -> _Reading:
    """Return the answer to `question`, for which `permission` is needed.

    Raises:
        UnansweredError: it is refused, or nothing answers.
    """
    try:
        return question()
    except ClientError as error:
        if error_code(error) in _DENIED:
            raise UnansweredError(f"not allowed to ask: it takes {permission}") from error
        raise UnansweredError(f"{error_code(error)} in answer to {error.operation_name}") from error
    except BotoCoreError as error:
        raise UnansweredError(f"no answer: {error}") from error


def unknown(subject: str, need: str, error: UnansweredError) -> Finding:
    """Return the finding that says why nothing is known."""
    return Finding(subject, str(error), need, Verdict.UNKNOWN)


def sagemaker_quotas(session: Session) -> dict[str, Quota]:
    """Return SageMaker's quotas by name: the account's own values over AWS's defaults."""
    client = session.client("service-quotas")
    quotas: dict[str, Quota] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        for page in client.get_paginator(operation).paginate(ServiceCode="sagemaker"):
            quotas |= {each["QuotaName"]: Quota(each["QuotaCode"], float(each["Value"])) for each in page["Quotas"]}
    return quotas


def lambda_concurrency(session: Session, function_name: str) -> Concurrency:
    """Return the account's concurrency, and how much of it `function_name` has reserved already."""
    limits = session.functions.get_account_settings()["AccountLimit"]
    own = 0
    if exists(lambda: session.functions.get_function(FunctionName=function_name)):
        answer = session.functions.get_function_concurrency(FunctionName=function_name)
        own = answer.get("ReservedConcurrentExecutions", 0)
    return Concurrency(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], own)


def exists(question: Callable[[], Any]) -> bool:
    """Tell whether what `question` asks for is there; other errors pass."""
    try:
        question()
    except ClientError as error:
        if error_code(error) in _ABSENT:
            return False
        raise
    return True
