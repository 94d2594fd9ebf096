"""Asynchronous requests: they wait for an instance, are read from S3, and what becomes of them is put there and told.

Source: SageMaker developer guide, "Asynchronous inference", its metrics and notifications; SageMaker Runtime API
reference, InvokeEndpointAsync.
"""

import json
import logging
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Condition
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from embedded_account.account import Account
from embedded_account.clock import iso8601
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Variant
from embedded_account.sagemaker.endpoints.endpoints import Endpoints
from embedded_account.sagemaker.endpoints.fleet import NoInstanceError
from embedded_account.sagemaker.endpoints.instance import EndpointInstance
from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError, put_object

logger = logging.getLogger("embedded_account.sagemaker")

BACKLOG_SECONDS = 60.0  # between two looks at what waits
_NAMESPACE = "AWS/SageMaker"
_ROOM_SECONDS = 0.05  # between two looks for an instance with room
_MAX_INPUT_BYTES = 1 << 30
_MAX_INLINE_BYTES = 128_000
_HEADER = "HTTP_X_AMZN_SAGEMAKER_"
_FORWARDED = {
    "CONTENT_TYPE": "Content-Type",
    "ACCEPT": "Accept",
    "CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    "INFERENCE_ID": "X-Amzn-SageMaker-Inference-Id",
}
_NAMES = ("INPUTLOCATION", "S3OUTPUTPATHEXTENSION", "FILENAME")
_SECONDS = {"REQUESTTTLSECONDS": (21_600, 60, 21_600), "INVOCATIONTIMEOUTSECONDS": (900, 1, 3600)}
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class AsyncRequest:
    """A request as it waits; times are of the account's clock."""

    id: str
    endpoint: Endpoint
    input: S3Uri | None  # else the body came with the request
    body: bytes
    headers: Mapping[str, str]  # as a container gets them
    output: S3Uri
    failure: S3Uri | None
    received_at: float
    ttl_seconds: int
    timeout_seconds: int


class Answered(NamedTuple):
    """What came of a request to a container; `failure` is empty where it answered well."""

    variant: Variant
    model_seconds: float
    status: int
    content_type: str
    content: bytes
    failure: str


Acquire = Callable[[], tuple[Variant, EndpointInstance]]
Ask = Callable[[AsyncRequest, bytes, Acquire], Answered]


class _FailedError(Exception):
    """The request has no answer; the message is its failure reason, and `metric` counts why."""

    def __init__(self, reason: str, metric: str) -> None:
        super().__init__(reason)
        self.metric = metric


class AsyncRequests:
    """Takes asynchronous requests and carries them out, as many at a time as the endpoint's instances have room for."""

    def __init__(self, account: Account, endpoints: Endpoints, ask: Ask) -> None:
        self._account = account
        self._endpoints = endpoints
        self._ask = ask
        self._changed = Condition()
        self._waiting: dict[Endpoint, deque[AsyncRequest]] = {}
        self._at_work: Counter[Endpoint] = Counter()

    def take(self, endpoint: Endpoint, environ: Mapping[str, Any], body: bytes) -> Answer:
        """Let a request wait for its turn; answer where its output, or its failure, will be.

        Raises:
            ServiceError: the endpoint takes none, or the request says too little.
        """
        request = self._parsed(endpoint, environ, body)
        with self._changed:
            begins = endpoint not in self._waiting
            self._waiting.setdefault(endpoint, deque()).append(request)
        if begins:
            self._account.start_thread(f"asynchronous requests of {endpoint.name}", partial(self._dispatch, endpoint))
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-OutputLocation": str(request.output)}
        if request.failure:
            headers["X-Amzn-SageMaker-FailureLocation"] = str(request.failure)
        return 202, headers, json.dumps({"InferenceId": request.id}).encode()

    def record_backlogs(self) -> None:
        """Put how much waits or is at work at each asynchronous endpoint, and for how long."""
        now = self._account.clock.time()
        for endpoint in self._endpoints.all():
            if endpoint.asynchronous is None:
                continue
            with self._changed:
                waiting = list(self._waiting.get(endpoint, ()))
                backlog = len(waiting) + self._at_work[endpoint]
            instances = sum(variant.fleet.current_count for variant in endpoint.variants.values())
            values = {
                "ApproximateBacklogSize": (backlog, "Count"),
                "ApproximateBacklogSizePerInstance": (backlog / max(1, instances), "Count"),
                "HasBacklogWithoutCapacity": (float(bool(backlog and not instances)), "Count"),
                "ApproximateAgeOfOldestRequest": (now - min((r.received_at for r in waiting), default=now), "Seconds"),
            }
            for name, (value, unit) in values.items():
                self._account.put_metric(_NAMESPACE, name, value, unit, {"EndpointName": endpoint.name})

    def _parsed(self, endpoint: Endpoint, environ: Mapping[str, Any], body: bytes) -> AsyncRequest:
        config = endpoint.asynchronous
        if config is None:
            raise _invalid(f"Endpoint {endpoint.name} has no AsyncInferenceConfig; use InvokeEndpoint")
        output = config["OutputConfig"]
        given = {name: str(environ.get(_HEADER + name, "")) for name in (*_FORWARDED, *_NAMES, *_SECONDS)}
        request_id = given["INFERENCE_ID"] or str(uuid.uuid4())
        if bool(given["INPUTLOCATION"]) == bool(body):
            raise _invalid("InvokeEndpointAsync needs either InputLocation or Body")
        if len(body) > _MAX_INLINE_BYTES:
            raise _invalid(f"Body of {len(body)} bytes; it may have {_MAX_INLINE_BYTES}: put it into S3")
        place = f"{given['S3OUTPUTPATHEXTENSION'].strip('/')}/" if given["S3OUTPUTPATHEXTENSION"] else ""
        name = place + (given["FILENAME"] or f"{request_id}.out")
        failures = output.get("S3FailurePath")
        return AsyncRequest(
            request_id,
            endpoint,
            _uri(given["INPUTLOCATION"]) if given["INPUTLOCATION"] else None,
            body,
            {header: given[name] for name, header in _FORWARDED.items() if given[name]},
            _below(output["S3OutputPath"], name),
            _below(failures, f"{place}{request_id}-error.out") if failures else None,
            self._account.clock.time(),
            *(_seconds(member, given[member]) for member in _SECONDS),
        )

    def _dispatch(self, endpoint: Endpoint) -> None:
        """Let requests begin in their order, each once there is room for it, until none waits."""
        while request := self._next(endpoint):
            self._account.start_thread(f"asynchronous request {request.id}", partial(self._carry_out, request))

    def _next(self, endpoint: Endpoint) -> AsyncRequest | None:
        with self._changed:
            queue = self._waiting[endpoint]
            while queue and not (self._is_over(endpoint) or self._is_late(queue[0]) or self._has_room(endpoint)):
                self._changed.wait(_ROOM_SECONDS)
            if not queue or self._is_over(endpoint):
                del self._waiting[endpoint]
                return None
            self._at_work[endpoint] += 1
            return queue.popleft()

    def _has_room(self, endpoint: Endpoint) -> bool:
        instances = (instance for fleet in endpoint.fleets() for instance in fleet.instances)
        return self._at_work[endpoint] < sum(instance.max_outstanding for instance in instances)

    def _is_over(self, endpoint: Endpoint) -> bool:
        return endpoint.status == "Deleting" or self._account.stopping.is_set()

    def _is_late(self, request: AsyncRequest) -> bool:
        return self._account.clock.time() > request.received_at + request.ttl_seconds

    def _carry_out(self, request: AsyncRequest) -> None:
        variant = next(iter(request.endpoint.variants.values()))
        try:
            self._answer(request, variant)
        except _FailedError as failure:
            if not self._is_over(request.endpoint):
                self._fail(request, variant, failure)
        finally:
            with self._changed:
                self._at_work[request.endpoint] -= 1
                self._changed.notify_all()

    def _answer(self, request: AsyncRequest, variant: Variant) -> None:
        """Ask a container, put its answer into S3 and tell of it.

        Raises:
            _FailedError: one of these went wrong.
        """
        began_at = self._account.clock.time()
        if self._is_late(request):
            raise _FailedError(f"the request waited for more than {request.ttl_seconds} s", "ExpiredRequests")
        body = self._read(request, variant)
        answered = self._ask(request, body, partial(self._acquire, request))
        self._record_answer(request, answered)
        if answered.failure:
            raise _FailedError(answered.failure, "InvocationFailures")
        started = time.perf_counter()
        try:
            put_object(self._account, variant.role_arn, answered.content, request.output, answered.content_type)
        except StorageError as error:
            raise _FailedError(f"ClientError: {error}", "ResponseUploadFailures") from error
        put = partial(self._put, request, variant)
        put("ResponseUploadLatency", round((time.perf_counter() - started) * 1e6), "Microseconds")
        put("InvocationsProcessed", 1, "None")
        put("TimeInBacklog", round(1000 * (began_at - request.received_at)), "Milliseconds")
        put("TotalProcessingTime", round(1000 * (self._account.clock.time() - request.received_at)), "Milliseconds")
        told = {"contentType": answered.content_type, "outputLocation": str(request.output)}
        self._tell(request, variant, "SuccessTopic", {"invocationStatus": "Completed", "responseParameters": told})

    def _read(self, request: AsyncRequest, variant: Variant) -> bytes:
        if request.input is None:
            return request.body
        started = time.perf_counter()
        try:
            content = Objects(self._account, variant.role_arn).read(request.input)
        except StorageError as error:
            raise _FailedError(f"ClientError: {error}", "RequestDownloadFailures") from error
        if len(content) > _MAX_INPUT_BYTES:
            reason = f"ClientError: {str(request.input)!r} has {len(content)} bytes; at most 1 GB is taken"
            raise _FailedError(reason, "RequestDownloadFailures")
        seconds = time.perf_counter() - started
        self._put(request, variant, "RequestDownloadLatency", round(seconds * 1e6), "Microseconds")
        return content

    def _acquire(self, request: AsyncRequest) -> tuple[Variant, EndpointInstance]:
        """Return an instance that has room, as soon as one has."""
        while not (self._is_over(request.endpoint) or self._is_late(request)):
            with suppress(NoInstanceError):
                return request.endpoint.acquire()
            self._account.stopping.wait(_ROOM_SECONDS)
        raise _FailedError(f"no instance took the request within {request.ttl_seconds} s", "ExpiredRequests")

    def _record_answer(self, request: AsyncRequest, answered: Answered) -> None:
        put = partial(self._put, request, answered.variant)
        put("ModelLatency", round(answered.model_seconds * 1e6), "Microseconds")
        put("Invocation4XXErrors", float(400 <= answered.status < 500), "None")
        put("Invocation5XXErrors", float(answered.status == 0 or answered.status >= 500), "None")

    def _fail(self, request: AsyncRequest, variant: Variant, failure: _FailedError) -> None:
        """Put why a request failed where it is to be, and tell of it."""
        self._put(request, variant, failure.metric, 1, "None")
        if request.failure:
            try:
                put_object(self._account, variant.role_arn, str(failure).encode(), request.failure)
            except StorageError as error:
                logger.warning("failure of asynchronous request %r: %s", request.id, error)
        told = {"invocationStatus": "Failed", "failureReason": str(failure)}
        self._tell(request, variant, "ErrorTopic", told)

    def _tell(self, request: AsyncRequest, variant: Variant, topic: str, told: dict[str, Any]) -> None:
        """Publish what became of a request to the topic that the configuration names for it, if it names one."""
        config = variant.asynchronous or {}
        arn = config["OutputConfig"].get("NotificationConfig", {}).get(topic)
        if not arn:
            return
        message = told | self._common(request)
        client = self._account.client("sns", variant.role_arn, "SageMaker", by="sagemaker.amazonaws.com")
        try:
            client.publish(TopicArn=arn, Message=json.dumps(message))
        except (ClientError, BotoCoreError) as error:
            self._put(request, variant, "NotificationFailures", 1, "None")
            logger.warning("notification of asynchronous request %r: %s", request.id, error)

    def _common(self, request: AsyncRequest) -> dict[str, Any]:
        asked = {
            "contentType": request.headers.get("Content-Type"),
            "endpointName": request.endpoint.name,
            "inputLocation": str(request.input) if request.input else None,
        }
        return {
            "awsRegion": self._account.region,
            "eventTime": _iso(self._account.clock.time()),
            "receivedTime": _iso(request.received_at),
            "requestParameters": {name: value for name, value in asked.items() if value},
            "inferenceId": request.id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }

    def _put(self, request: AsyncRequest, variant: Variant, name: str, value: float, unit: str) -> None:
        dimensions = {"EndpointName": request.endpoint.name, "VariantName": variant.name}
        self._account.put_metric(_NAMESPACE, name, value, unit, dimensions)


def _uri(text: str) -> S3Uri:
    try:
        return S3Uri.parse(text)
    except StorageError as error:
        raise _invalid(f"InputLocation: {error}") from error


def _below(prefix: str, name: str) -> S3Uri:
    uri = S3Uri.parse(prefix)
    return S3Uri(uri.bucket, f"{uri.key.rstrip('/')}/{name}".lstrip("/"))


def _seconds(member: str, text: str) -> int:
    default, least, most = _SECONDS[member]
    if text and not (text.isdigit() and least <= int(text) <= most):
        raise _invalid(f"X-Amzn-SageMaker-{member}: {text!r}; it must be {least} to {most} seconds")
    return int(text or default)


def _iso(seconds: float) -> str:
    return iso8601(datetime.fromtimestamp(seconds, UTC))


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
