"""What the attributes of a dead letter call the reason.

Source: EventBridge user guide, "Using dead-letter queues to process undelivered events in EventBridge".
"""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from embedded_account.events.error_codes import error_code


def answer(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "SendMessage")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (answer("AccessDenied"), "NO_PERMISSIONS"),
        (answer("AccessDeniedException"), "NO_PERMISSIONS"),
        (answer("AWS.SimpleQueueService.NonExistentQueue"), "NO_RESOURCE"),
        (answer("StateMachineDoesNotExist"), "NO_RESOURCE"),
        (answer("ResourceNotFoundException"), "NO_RESOURCE"),
        (answer("ExecutionAlreadyExists"), "RESOURCE_ALREADY_EXISTS"),
        (answer("ThrottlingException"), "THROTTLING"),
        (answer("InvalidExecutionInput"), "INVALID_PARAMETER"),
        (answer("InternalFailure"), "ERROR_FROM_TARGET"),
        (
            answer("AccessDenied", "events is not authorized to perform: sts:AssumeRole on resource: r"),
            "FAILED_TO_ASSUME_ROLE",
        ),
        (EndpointConnectionError(endpoint_url="u"), "CONNECTION_FAILURE"),
        (ReadTimeoutError(endpoint_url="u"), "TIMEOUT"),
        (KeyError("k"), "INTERNAL_ERROR"),
    ],
)
def test_failed_delivery_has_a_code_of_eventbridge(error: Exception, code: str) -> None:
    """And not the code of the service that refused it."""
    assert error_code(error) == code
