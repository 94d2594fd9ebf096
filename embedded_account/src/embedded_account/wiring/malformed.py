"""Refuses requests that no client of AWS would send: a body that is no JSON, members that its model does not allow.

What stands in the model of a service holds for all of its operations alike, so it is looked at once.
Source: the API references' common errors: SerializationException, ValidationException, ValidationError.
"""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from botocore.model import OperationNotFoundError
from moto.core.responses import BaseResponse

from embedded_account.account import Account, WsgiApplication
from embedded_account.errors import ServiceError
from embedded_account.wiring import constraints
from embedded_account.wiring.replacement import replace
from embedded_account.wiring.serving import parameters, without_nones

# The services whose requests are held to their model, by boto3's name, with the code of what does not meet it.
_CODES = {
    "application-autoscaling": "ValidationException",
    "budgets": "InvalidParameterException",
    "cloudformation": "ValidationError",
    "cloudwatch": "ValidationError",
    "dynamodb": "ValidationException",
    "events": "ValidationException",
    "iam": "ValidationError",
    "kms": "ValidationException",
    "lambda": "ValidationException",
    "logs": "InvalidParameterException",
    "sagemaker": "ValidationException",
    "scheduler": "ValidationException",
    "service-quotas": "ValidationException",
    "sns": "ValidationError",
    "sqs": "MissingParameter",
    "ssm": "ValidationException",
    "stepfunctions": "ValidationException",
    "sts": "ValidationError",
}
_JSON = "application/x-amz-json-"


def install(account: Account) -> None:
    """Look at every request before the service that is to answer it."""
    account.add_middleware(_middleware)
    account.add_action_check(_check)

    def parse_parameters(self: Any, request: Any) -> None:
        try:
            original(self, request)
        except (AttributeError, TypeError, ValueError) as error:  # a member of another type, or no JSON
            self.params, self.unread = {}, error
        except OperationNotFoundError:  # which the permissions do not know either
            self.params = {}

    original = replace(BaseResponse, "parse_parameters", parse_parameters, parameters=("self", "request"))


def check_needed(service: str, operation: str, params: dict[str, Any]) -> None:
    """Return when a request has what its service's model asks for.

    Raises:
        ServiceError: it has not.
    """
    constraints.check(service, operation, without_nones(params), _CODES.get(service, "ValidationException"))


def _check(service: str, operation: str, response: Any) -> None:
    if hasattr(response, "unread"):
        raise ServiceError("SerializationException", f"the parameters of {operation} cannot be read: {response.unread}")
    if service in _CODES:
        check_needed(service, operation, parameters(response))


def _middleware(application: WsgiApplication) -> WsgiApplication:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("CONTENT_TYPE", "").startswith(_JSON):
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if _is_object(body):
            return application(environ, start_response)
        refusal = {"__type": "SerializationException", "message": "the body is no JSON object; send one, such as {}"}
        start_response("400 Bad Request", [("Content-Type", environ["CONTENT_TYPE"])])
        return [json.dumps(refusal).encode()]

    return answer


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body or b"{}"), dict)
    except ValueError:
        return False
