"""The errors that AWS answers with when it is at fault, by service, in the service's own protocol.

Source: the "Common errors" and throttling pages of each service's API reference.
"""

import json
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

from embedded_account.faults.routes import Call


@dataclass(frozen=True)
class Refusal:
    """An error code with its message and HTTP status."""

    code: str
    message: str
    status: int


_THROTTLES = {
    "s3": Refusal("SlowDown", "Please reduce your request rate.", 503),
    "lambda": Refusal("TooManyRequestsException", "Rate Exceeded.", 429),
    "dynamodb": Refusal("ProvisionedThroughputExceededException", "The level of configured provisioned throughput for "
                        "the table was exceeded.", 400),
    "cloudformation": Refusal("Throttling", "Rate exceeded", 400),
    "cloudwatch": Refusal("Throttling", "Rate exceeded", 400),
    "iam": Refusal("Throttling", "Rate exceeded", 400),
    "sts": Refusal("Throttling", "Rate exceeded", 400),
    "sns": Refusal("Throttling", "Rate exceeded", 400),
    "sqs": Refusal("RequestThrottled", "Rate exceeded", 403),
    "scheduler": Refusal("ThrottlingException", "Rate exceeded", 429),
}  # fmt: skip
_THROTTLE = Refusal("ThrottlingException", "Rate exceeded", 400)
_INTERNALS = {
    "s3": Refusal("InternalError", "We encountered an internal error. Please try again.", 500),
    "lambda": Refusal("ServiceException", "The service encountered an internal error.", 500),
    "dynamodb": Refusal("InternalServerError", "Internal server error", 500),
    "events": Refusal("InternalException", "This exception occurs due to unexpected causes.", 500),
    "application-autoscaling": Refusal("InternalServiceException", "The service encountered an internal error.", 500),
    "scheduler": Refusal("InternalServerException", "Unexpected error encountered while processing the request.", 500),
}
_INTERNAL = Refusal("InternalFailure", "The request processing has failed because of an unknown error.", 500)
_QUOTAS = {
    "sagemaker": Refusal("ResourceLimitExceeded", "The account-level service limit for {operation} is 0 more, with a "
                         "current utilization at the limit. Please contact AWS support to request an increase.", 400),
    "lambda": Refusal("TooManyRequestsException", "Rate Exceeded.", 429),
    "stepfunctions": Refusal("ExecutionLimitExceeded", "The maximum number of running executions is reached.", 400),
    "s3": Refusal("TooManyBuckets", "You have attempted to create more buckets than allowed.", 400),
    "sqs": Refusal("OverLimit", "The maximum number of in flight messages is reached.", 403),
    "scheduler": Refusal("ServiceQuotaExceededException", "The request exceeds a service quota.", 402),
    "iam": Refusal("LimitExceeded", "Cannot exceed the quota.", 409),
}  # fmt: skip
_QUOTA = Refusal("LimitExceededException", "The limit for {operation} is reached.", 400)
_EXPIRED = {
    "s3": Refusal("ExpiredToken", "The provided token has expired.", 400),
    "sts": Refusal("ExpiredToken", "The security token included in the request is expired", 403),
    "cloudformation": Refusal("ExpiredToken", "The security token included in the request is expired", 403),
    "iam": Refusal("ExpiredToken", "The security token included in the request is expired", 403),
    "sns": Refusal("ExpiredToken", "The security token included in the request is expired", 403),
    "lambda": Refusal("ExpiredTokenException", "The security token included in the request is expired", 403),
    "sagemaker-runtime": Refusal("ExpiredTokenException", "The security token included in the request is expired", 403),
    "scheduler": Refusal("ExpiredTokenException", "The security token included in the request is expired", 403),
}
_EXPIRY = Refusal("ExpiredTokenException", "The security token included in the request is expired", 400)


def refusal(kind: str, call: Call, code: str = "", status: int = 0) -> Refusal:
    """Return what the service of `call` answers when it throttles, fails, is full, or sees an expired session."""
    table, otherwise = {
        "throttle": (_THROTTLES, _THROTTLE),
        "error": (_INTERNALS, _INTERNAL),
        "quota": (_QUOTAS, _QUOTA),
        "expire-credentials": (_EXPIRED, _EXPIRY),
    }[kind]
    usual = table.get(call.service, otherwise)
    message = usual.message.format(operation=call.operation)
    if code and code != usual.code:
        message = f"{code}: made to happen by a fault"
    return Refusal(code or usual.code, message, status or (400 if code else usual.status))


def answer(call: Call, error: Refusal) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of `error` in the protocol of `call`."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if call.protocol == "json":
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return headers | {"Content-Type": "application/x-amz-json-1.1"}, body
    if call.protocol == "cbor":
        body = b"\xa2" + b"".join(map(_cbor_text, ("__type", error.code, "message", error.message)))
        return headers | {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body
    if call.protocol == "rest-json":
        body = json.dumps({"Type": "User" if error.status < 500 else "Service", "message": error.message}).encode()
        return headers | {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}, body
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if call.protocol == "rest-xml":
        text = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
        headers = {"x-amz-request-id": request_id}
    else:
        sender = "Sender" if error.status < 500 else "Receiver"
        inner = f"<Error><Type>{sender}</Type>{inner}</Error>"
        text = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return headers | {"Content-Type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _cbor_text(text: str) -> bytes:
    content = text.encode()
    size = len(content)
    head = (
        bytes([0x60 + size])
        if size < 24
        else b"\x78" + bytes([size])
        if size < 256
        else b"\x79" + size.to_bytes(2, "big")
    )
    return head + content
