"""What EventBridge calls the reason for which an event did not reach its target, in the attributes of the dead letter.

Source: EventBridge user guide, "Using dead-letter queues to process undelivered events in EventBridge": ERROR_CODE. AWS
lists the codes and not what each stands for; here each stands for what its name says.
"""

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

# What the code of a target's error has in it, the first that fits -> EventBridge's code.
_CODES = (
    (("AccessDenied", "AuthorizationError", "KMSAccessDenied", "Unauthorized"), "NO_PERMISSIONS"),
    (("NotFound", "NonExistent", "DoesNotExist"), "NO_RESOURCE"),
    (("AlreadyExists",), "RESOURCE_ALREADY_EXISTS"),
    (("Throttl", "TooManyRequests"), "THROTTLING"),
    (("LimitExceeded",), "RESOURCE_LIMIT_EXCEEDED"),
    (("Invalid", "Validation", "MissingParameter"), "INVALID_PARAMETER"),
)
_ASSUMES = "sts:AssumeRole"


def error_code(error: Exception) -> str:
    """Return EventBridge's code of why a delivery failed."""
    if isinstance(error, ClientError):
        return _of_answer(error)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "TIMEOUT"
    return "CONNECTION_FAILURE" if isinstance(error, BotoCoreError) else "INTERNAL_ERROR"


def _of_answer(error: ClientError) -> str:
    told = error.response["Error"]
    if f"perform: {_ASSUMES} " in told.get("Message", ""):
        return "FAILED_TO_ASSUME_ROLE"
    codes = (code for parts, code in _CODES if any(part in told["Code"] for part in parts))
    return next(codes, "ERROR_FROM_TARGET")
