"""Asks the account what it allows; what may not be asked is said, with the permission that is missing."""

from __future__ import annotations

from collections.abc import Callable, Set
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
        if error_code(error) == "NotImplemented":
            raise UnansweredError(f"{error.operation_name} is not carried out by the embedded account") from error
        raise UnansweredError(f"{error_code(error)} in answer to {error.operation_name}") from error
    except BotoCoreError as error:
        raise UnansweredError(f"no answer: {error}") from error


def unknown(subject: str, need: str, error: UnansweredError) -> Finding:
    """Return the finding that says why nothing is known."""
    return Finding(subject, str(error), need, Verdict.UNKNOWN)


def sagemaker_quotas(session: Session, wanted: Set[str]) -> dict[str, Quota]:
    """Return SageMaker's quotas by name; where one that is wanted has no value of the account's own, AWS's default."""
    quotas = _listed(session, "list_service_quotas")
    if wanted <= quotas.keys():
        return quotas
    return _listed(session, "list_aws_default_service_quotas") | quotas


def _listed(session: Session, operation: str) -> dict[str, Quota]:
    pages = session.client("service-quotas").get_paginator(operation).paginate(ServiceCode="sagemaker")
    listed = [quota for page in pages for quota in page["Quotas"]]
    return {quota["QuotaName"]: Quota(quota["QuotaCode"], float(quota["Value"])) for quota in listed}


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
