"""Puts our functions in the place of moto's, which run in Docker."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from moto.awslambda import models

from embedded_account.account import Account
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.permissions import Permissions
from embedded_account.identity import Principal
from embedded_account.lambda_.asynchronous import EventQueue
from embedded_account.lambda_.function import Function
from embedded_account.lambda_.invoker import Invoker
from embedded_account.lambda_.recursion import caller_trace
from embedded_account.lambda_.targets import LATEST, Target
from embedded_account.wiring.replacement import replace


def install(account: Account) -> None:
    """Let moto make functions of ours; its own callers of one, such as logs and S3, get what it does."""

    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        return _invoke(account, self, body, request_headers, response_headers)

    original = models.LambdaFunction
    assert issubclass(Function, original), "moto.awslambda.models.LambdaFunction moved; was moto upgraded?"
    for name in ("_invoke_lambda", "_set_function_code", "_get_layers_data", "set_version", "get_code"):
        assert hasattr(original, name), f"LambdaFunction.{name} is gone; was moto upgraded?"
    replace(original, "invoke", invoke, parameters=("self", "body", "request_headers", "response_headers"))
    setattr(models, "LambdaFunction", Function)  # noqa: B010 (mypy forbids to assign to a class)


def _invoke(
    account: Account,
    function: Function,
    body: Any,
    request_headers: Mapping[str, str],
    response_headers: dict[str, Any],
) -> bytes:
    version = str(function.version)
    target = Target(function, "" if version == LATEST else version, function.function_arn)
    payload = body.encode() if isinstance(body, str) else bytes(body or b"")
    request_id = str(uuid.uuid4())
    if request_headers.get("X-Amz-Invocation-Type") == "Event":
        account.singleton(EventQueue).add(target, payload, request_id)
        return b""
    if b'"aws:s3"' in payload:
        _invoke_for_bucket(account, target, payload, request_id)
        return b""
    outcome = account.singleton(Invoker).invoke(target, payload, request_id)
    if outcome.function_error:
        response_headers["x-amz-function-error"] = outcome.function_error
    return outcome.payload


def _invoke_for_bucket(account: Account, target: Target, payload: bytes, request_id: str) -> None:
    """Queue the event of a bucket's notification, if the function's policy lets the bucket invoke it."""
    bucket_arn = json.loads(payload)["Records"][0]["s3"]["bucket"]["arn"]
    principal = Principal("", "", "s3.amazonaws.com", bucket_arn)
    account.singleton(Permissions).require(principal, Need("lambda:InvokeFunction", target.arn), "lambda")
    account.singleton(EventQueue).add(target, payload, request_id, caller_trace.get())
