"""What can go wrong for an operator; every message names the value seen and the remedy.

OperationError
+-- CredentialsError      who is asking is unknown, expired or without a region
+-- StackError            the stack is missing, busy, or failed to change
+-- BundleError           a package could not be built
+-- UploadError           the folder or archive is not an image dataset, or may not be uploaded now
+-- ExecutionError        an execution is missing, failed, or did not start in time
+-- ReportError           a report is missing, not made yet, or damaged
+-- PredictionError       the prediction Lambda refused or failed
+-- LoadError             a load cannot be sent as it was asked for
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN_CALLER = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
}
# What AWS answers about what this caller may not do, or this region does not have.
NOT_OFFERED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnknownOperationException"})
# What SageMaker, Step Functions, Lambda and CloudWatch Logs answer about what is not there (any more).
GONE = frozenset(
    {
        "ValidationException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
        "ExecutionDoesNotExist",
    }
)
_P = ParamSpec("_P")
_Answer = TypeVar("_Answer")
_REMEDY = "run `aws configure` or set AWS_PROFILE, or add --local to use the embedded account"


class OperationError(Exception):
    """A command cannot do what it was asked; the message is for the person at the terminal."""


class CredentialsError(OperationError):
    """AWS does not know who is asking."""


class StackError(OperationError):
    """The stack is missing, busy, or failed to change."""


class BundleError(OperationError):
    """A package of the template could not be built."""


class UploadError(OperationError):
    """The dataset is not an image dataset, or may not be uploaded now."""


class ExecutionError(OperationError):
    """An execution is missing, failed, or did not start in time."""


class ReportError(OperationError):
    """A report is missing, not made yet, or damaged."""


class PredictionError(OperationError):
    """The prediction Lambda refused or failed."""


class LoadError(OperationError):
    """A load cannot be sent as it was asked for."""


def error_code(error: ClientError) -> str:
    """Return AWS's code of `error`, such as "AccessDenied"."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def unless_gone(call: Callable[_P, _Answer], *args: _P.args, **kwargs: _P.kwargs) -> _Answer | None:
    """Return what `call` answers; None where AWS says that what it is about is not there (any more)."""
    try:
        return call(*args, **kwargs)
    except ClientError as error:
        if error_code(error) not in GONE:
            raise
        return None


def sentence(error: BotoCoreError | ClientError) -> str:
    """Return one sentence for an error of boto3 that no command expected."""
    if isinstance(error, ClientError):
        return _client_error_sentence(error)
    if isinstance(error, NoRegionError):
        return "no AWS region: none is configured; set AWS_REGION, or add --local to use the embedded account"
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, TokenRetrievalError)):
        return f"no AWS credentials: {error}; {_REMEDY}"
    if isinstance(error, ProfileNotFound):
        return f"AWS profile: {error}; name an existing profile in AWS_PROFILE, or add --local"
    return f"cannot talk to AWS: {error}; check the network and the region, then run the command again"


def _client_error_sentence(error: ClientError) -> str:
    code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
    if code in _EXPIRED:
        return f"AWS credentials: expired ({code}); sign in again, or add --local to use the embedded account"
    if code in _UNKNOWN_CALLER:
        return f"AWS credentials: not accepted ({code}); {_REMEDY}"
    if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
        return f"{error.operation_name}: {code}: {message}; ask for this permission, or use another profile"
    return f"{error.operation_name}: {code}: {message}"
