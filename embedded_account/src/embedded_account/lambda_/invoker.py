"""Invocation: the one way to a handler, whoever calls."""

import json
import uuid
from dataclasses import dataclass

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.environment import Invocation, Result
from embedded_account.lambda_.failures import EnvironmentLostError, InitError
from embedded_account.lambda_.fleet import Fleets, ThrottledError
from embedded_account.lambda_.leases import Lease
from embedded_account.lambda_.metrics import Metrics
from embedded_account.lambda_.readiness import Readiness
from embedded_account.lambda_.recursion import RecursiveError, next_trace
from embedded_account.lambda_.targets import Target, backend_of, resolve

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

    def __init__(self, account: Account) -> None:
        self._account = account
        self._fleets = account.singleton(Fleets)
        self._metrics = account.singleton(Metrics)
        self._readiness = account.singleton(Readiness)
        self.loops_allowed: set[str] = set()  # functions whose circles are not stopped
        account.persist_members("lambda-loops", self, "loops_allowed")

    def resolve(self, name_or_arn: str, qualifier: str | None = None) -> Target:
        """Return what is to be invoked."""
        return resolve(backend_of(self._account), name_or_arn, qualifier)

    def invoke(
        self,
        target: Target,
        payload: bytes,
        request_id: str = "",
        client_context: str | None = None,
        trace: str = "",
    ) -> Outcome:
        """Run one event and wait for what comes of it; `trace` is the trace header that the caller sent.

        Raises:
            ServiceError: the function is being created.
            ThrottledError: there is no concurrency left.
            RecursiveError: the function is part of a circle.
        """
        name, qualifier = target.function.function_name, target.qualifier
        self._readiness.require_invocable(name)
        try:
            traced = next_trace(trace, name, is_loop_allowed=name in self.loops_allowed)
            invocation = Invocation(
                request_id or str(uuid.uuid4()), payload or b"{}", target.arn, traced, client_context
            )
            result, lease = self._run(target, invocation)
        except ThrottledError:
            self._metrics.add(name, qualifier, Throttles=1.0)
            raise
        except RecursiveError:
            self._metrics.add(name, qualifier, RecursiveInvocationsDropped=1.0)
            raise
        self._record(name, qualifier, result, lease)
        return Outcome(result.payload, result.function_error, str(target.function.version), result.log_tail)

    def _record(self, name: str, qualifier: str, result: Result, lease: Lease | None) -> None:
        """Count one invocation. Source: Lambda developer guide, types of metrics, monitoring concurrency."""
        values = {
            "Invocations": 1.0,
            "Errors": 1.0 if result.function_error else 0.0,
            "Throttles": 0.0,
            "Duration": round(result.duration_ms, 2),
            "ConcurrentExecutions": float(lease.num_busy if lease else 1),
        }
        if lease and lease.num_provisioned:
            spilled = lease.provisioned is None
            values["ProvisionedConcurrencySpilloverInvocations"] = float(spilled)
            values["ProvisionedConcurrencyInvocations"] = float(not spilled)
            values["ProvisionedConcurrentExecutions"] = float(lease.num_provisioned_busy)
            values["ProvisionedConcurrencyUtilization"] = lease.num_provisioned_busy / lease.num_provisioned
        self._metrics.add(name, qualifier, **values)
        if lease and lease.num_unreserved_busy:
            self._metrics.add_of_account(UnreservedConcurrentExecutions=float(lease.num_unreserved_busy))

    def count(self, target: Target, **values: float) -> None:
        """Count what became of an event, or that it was queued."""
        self._metrics.add(target.function.function_name, target.qualifier, **values)

    def _run(self, target: Target, invocation: Invocation) -> tuple[Result, Lease | None]:
        for _ in range(_TRIES_ON_LOST_ENVIRONMENT):
            try:
                lease = self._fleets.acquire(target.function.environment_spec(), target.qualifier)
            except InitError as error:
                return Result(error.answer(invocation.request_id), "Unhandled", error.log_tail, error.duration_ms), None
            try:
                return lease.environment.invoke(invocation), lease
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
