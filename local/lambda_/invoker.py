"""Invocation: the one way to a handler, whoever calls."""

import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.account import Account
from local.errors import ServiceError
from local.lambda_.environment import EnvironmentLostError, InitError, Invocation, Result
from local.lambda_.fleet import Fleets, ThrottledError
from local.lambda_.function import Function
from local.lambda_.metrics import Metrics
from local.lambda_.targets import LATEST, Target, resolve

MAX_SYNC_BYTES = 6_291_456
MAX_ASYNC_BYTES = 1_048_576
_TRIES_ON_LOST_ENVIRONMENT = 5


@dataclass(frozen=True)
class Outcome:
    """What an invocation gave its caller."""

    payload: bytes
    function_error: str | None
    executed_version: str
    log_tail: bytes = b""


class Invoker:
    """Runs events through the functions of the account."""

    def __init__(self, account: Account, fleets: Fleets, metrics: Metrics) -> None:
        self._account = account
        self._fleets = fleets
        self._metrics = metrics
        self.queue: Any = None  # the queue of asynchronous invocations, which itself needs the invoker

    def resolve(self, name_or_arn: str, qualifier: str | None = None) -> Target:
        """Return what is to be invoked."""
        from moto.awslambda.models import lambda_backends

        return resolve(lambda_backends[self._account.account_id][self._account.region], name_or_arn, qualifier)

    def invoke(
        self, target: Target, payload: bytes, request_id: str = "", client_context: str | None = None
    ) -> Outcome:
        """Run one event and wait for what comes of it.

        Raises:
            ThrottledError: there is no concurrency left.
        """
        name, qualifier = target.function.function_name, target.qualifier
        invocation = Invocation(
            request_id or str(uuid.uuid4()), payload or b"{}", target.arn, _trace_id(), client_context
        )
        try:
            result, num_busy = self._run(target, invocation)
        except ThrottledError:
            self._metrics.add(name, qualifier, Throttles=1.0)
            raise
        self._metrics.add(
            name,
            qualifier,
            Invocations=1.0,
            Errors=1.0 if result.function_error else 0.0,
            Throttles=0.0,
            Duration=round(result.duration_ms, 2),
            ConcurrentExecutions=float(num_busy),
        )
        return Outcome(result.payload, result.function_error, str(target.function.version), result.log_tail)

    def invoke_later(self, target: Target, payload: bytes, request_id: str) -> None:
        """Queue one event."""
        self.queue.add(target, payload or b"{}", request_id)

    def invoke_from_moto(
        self, function: Function, body: Any, request_headers: Mapping[str, str], response_headers: dict[str, Any]
    ) -> bytes:
        """Answer moto's own callers of `LambdaFunction.invoke`, as it would itself."""
        version = str(function.version)
        target = Target(function, "" if version == LATEST else version, function.function_arn)
        payload = body.encode() if isinstance(body, str) else bytes(body or b"")
        request_id = str(uuid.uuid4())
        if request_headers.get("X-Amz-Invocation-Type") == "Event":
            self.invoke_later(target, payload, request_id)
            return b""
        outcome = self.invoke(target, payload, request_id)
        if outcome.function_error:
            response_headers["x-amz-function-error"] = outcome.function_error
        return outcome.payload

    def _run(self, target: Target, invocation: Invocation) -> tuple[Result, int]:
        for _ in range(_TRIES_ON_LOST_ENVIRONMENT):
            try:
                lease = self._fleets.acquire(target.function.environment_spec(), target.qualifier)
            except InitError as error:
                return Result(error.payload, "Unhandled", error.log_tail, error.duration_ms), 1
            try:
                return lease.environment.invoke(invocation), lease.num_busy
            except EnvironmentLostError:
                continue
            finally:
                self._fleets.release(lease)
        raise ServiceError(
            "ServiceException",
            f"function {target.function.function_name!r}: its processes end as soon as they wait for work;"
            f" see its log group {target.function.log_group}",
        )


def check_payload(payload: bytes, limit: int) -> None:
    """Raise unless `payload` is JSON of at most `limit` bytes.

    Raises:
        ServiceError: it is not.
    """
    if len(payload) > limit:
        raise ServiceError(
            "RequestTooLargeException", f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        )
    try:
        if payload:
            json.loads(payload)
    except ValueError as error:
        raise ServiceError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from error


def _trace_id() -> str:
    """Return a trace header that asks for no trace: nothing collects X-Ray segments here."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
