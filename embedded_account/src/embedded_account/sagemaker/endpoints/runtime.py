"""Invocations, at once and later: from the socket to an instance, past moto, which costs more than a small model."""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from moto.core.exceptions import ServiceException

from embedded_account.account import Account, WsgiApplication
from embedded_account.errors import ServiceError
from embedded_account.sagemaker.endpoints.async_requests import (
    BACKLOG_SECONDS,
    Acquire,
    Answered,
    AsyncRequest,
    AsyncRequests,
)
from embedded_account.sagemaker.endpoints.capture import Capture
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Variant
from embedded_account.sagemaker.endpoints.endpoints import Endpoints
from embedded_account.sagemaker.endpoints.fleet import NoInstanceError
from embedded_account.sagemaker.endpoints.instance import EndpointInstance, InstanceDiedError, InstanceGoneError
from embedded_account.sagemaker.endpoints.shadows import Copies
from embedded_account.wiring.operations import Operations
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import check_unrouted

MAX_BODY_BYTES = 6 << 20
INVOCATION_SECONDS = 60.0
_PATH = re.compile(r"/endpoints/([^/]+)/(invocations[a-z-]*|async-invocations)")
_OTHER_KINDS = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
_NAMESPACE = "AWS/SageMaker"
_SERVING_STATUSES = {"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"}
_FORWARDED = {
    "HTTP_ACCEPT": "Accept",
    "CONTENT_TYPE": "Content-Type",
    "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "X-Amzn-SageMaker-Inference-Id",
}
_REFUSED = {
    "HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL": "TargetModel",
    "HTTP_X_AMZN_SAGEMAKER_TARGET_CONTAINER_HOSTNAME": "TargetContainerHostname",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_COMPONENT": "InferenceComponentName",
    "HTTP_X_AMZN_SAGEMAKER_ENABLE_EXPLANATIONS": "EnableExplanations",
    "HTTP_X_AMZN_SAGEMAKER_SESSION_ID": "SessionId",
}
_STATUSES = {
    "ModelError": 424,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
    "InternalFailure": 500,
    "NotImplemented": 501,
    "AccessDeniedException": 403,
}
Answer = tuple[int, dict[str, str], bytes]


class ModelError(ServiceError):
    """The container answered with an error, or not at all. `original_status` 0 says that there was no answer."""

    def __init__(self, account: Account, endpoint: Endpoint, original_status: int, original_message: str) -> None:
        group, region = f"/aws/sagemaker/Endpoints/{endpoint.name}", account.region
        side = "client" if 400 <= original_status < 500 else "server"
        super().__init__(
            "ModelError",
            f'Received {side} error ({original_status}) from primary with message "{original_message}". See '
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} in "
            f"account {account.account_id} for more information.",
        )
        self.original_status = original_status
        self.members = {
            "OriginalStatusCode": original_status,
            "OriginalMessage": original_message,
            "LogStreamArn": f"arn:aws:logs:{region}:{account.account_id}:log-group:{group}",
        }


@dataclass(frozen=True)
class _Request:
    """An invocation as a container gets it."""

    endpoint: Endpoint
    body: bytes
    headers: Mapping[str, str]
    seconds: float = INVOCATION_SECONDS


_Outcome = tuple[Mapping[str, str], bytes] | ModelError


class Runtime:
    """Answers InvokeEndpoint, and lets InvokeEndpointAsync be answered later."""

    def __init__(self, account: Account, endpoints: Endpoints) -> None:
        self._account = account
        self._endpoints = endpoints
        self._capture = Capture(account)
        self._copies = Copies(account)
        self.asynchronous = AsyncRequests(account, endpoints, self._ask_later)

    def middleware(self, application: WsgiApplication) -> WsgiApplication:
        """Answer invocations; pass everything else on to `application`."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            match = _PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
            if match is None or "/sagemaker/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
                return application(environ, start_response)
            status, headers, body = self._answer(unquote(match[1]), match[2], environ)
            headers |= {"Content-Length": str(len(body)), "x-amzn-RequestId": _request_id()}
            start_response(f"{status} {_phrase(status)}", list(headers.items()))
            return [body]

        return answer

    def _answer(self, name: str, kind: str, environ: dict[str, Any]) -> Answer:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = _read(environ, size)
        if body is None:
            message = f"HTTP content length exceeded {MAX_BODY_BYTES} bytes."
            return 413, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
        try:
            operation = "InvokeEndpoint" if kind == "invocations" else _OTHER_KINDS.get(kind, kind)
            check_unrouted(self._account, "sagemaker-runtime", operation, {"EndpointName": name})
            _refuse(environ)
            endpoint = self._serving(name)
            if kind == "async-invocations":
                return self.asynchronous.take(endpoint, environ, body)
            return self._invoke(endpoint, environ, body)
        except ServiceException as error:
            return _error(error)

    def _serving(self, name: str) -> Endpoint:
        endpoint = self._endpoints.find(name)
        if endpoint is None or endpoint.status not in _SERVING_STATUSES:
            raise ServiceError("ValidationError", f"Endpoint {name} of account {self._account.account_id} not found.")
        return endpoint

    def _invoke(self, endpoint: Endpoint, environ: dict[str, Any], body: bytes) -> Answer:
        started = time.perf_counter()
        if endpoint.asynchronous:
            raise ServiceError(
                "ValidationError", f"Endpoint {endpoint.name} has an AsyncInferenceConfig; use InvokeEndpointAsync"
            )
        request = _Request(
            endpoint, body, {header: environ[key] for key, header in _FORWARDED.items() if environ.get(key)}
        )
        target = environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT", "")
        self._copies.send(endpoint, partial(self._copy, request))
        variant, outcome = self._ask(request, partial(self._acquire, endpoint, target), started)
        if isinstance(outcome, ModelError):
            raise outcome
        headers, content = outcome
        answer = {
            "Content-Type": headers.get("Content-Type") or "application/json",
            "x-Amzn-Invoked-Production-Variant": variant.name,
        }
        attributes = headers.get("X-Amzn-SageMaker-Custom-Attributes")
        return 200, answer | ({"X-Amzn-SageMaker-Custom-Attributes": attributes} if attributes else {}), content

    def _ask_later(self, request: AsyncRequest, body: bytes, acquire: Acquire) -> Answered:
        """Return what a container makes of an asynchronous request."""
        asked = _Request(request.endpoint, body, request.headers, request.timeout_seconds)
        variant, seconds, outcome = self._outcome(asked, acquire)
        if isinstance(outcome, ModelError):
            return Answered(variant, seconds, outcome.original_status, "", b"", outcome.message)
        headers, content = outcome
        return Answered(variant, seconds, 200, headers.get("Content-Type", ""), content, "")

    def _copy(self, request: _Request, shadow: Variant) -> None:
        """Ask a shadow variant; one that has no room for a copy goes without it."""
        with suppress(NoInstanceError):
            self._ask(request, lambda: (shadow, shadow.fleet.acquire()), time.perf_counter())

    def _ask(
        self, request: _Request, acquire: Callable[[], tuple[Variant, EndpointInstance]], started: float
    ) -> tuple[Variant, _Outcome]:
        """Return the variant that took a request and what came of it, which is measured and captured."""
        variant, model_seconds, outcome = self._outcome(request, acquire)
        self._record(request.endpoint, variant, model_seconds, time.perf_counter() - started, outcome)
        if not isinstance(outcome, ModelError):
            headers, content = outcome
            sent, got = request.headers.get("Content-Type", ""), headers.get("Content-Type", "")
            inference_id = request.headers.get("X-Amzn-SageMaker-Inference-Id", "")
            self._capture.note(request.endpoint, variant, (sent, request.body), (got, content), inference_id)
        return variant, outcome

    def _outcome(
        self, request: _Request, acquire: Callable[[], tuple[Variant, EndpointInstance]]
    ) -> tuple[Variant, float, _Outcome]:
        """Return the variant, the seconds its container took, and the answer or the ModelError that it amounts to."""
        endpoint = request.endpoint
        while True:
            variant, instance = acquire()
            started = time.perf_counter()
            outcome: _Outcome
            try:
                status, answered, content = instance.invoke(request.body, request.headers, request.seconds)
                outcome = answered, content
                if status >= 400:
                    outcome = ModelError(self._account, endpoint, status, content.decode(errors="replace"))
            except InstanceGoneError:
                instance.gone = True  # the supervisor replaces it; another one takes the request
                continue
            except InstanceDiedError:
                instance.gone = not instance.alive
                outcome = ModelError(self._account, endpoint, 0, _DIED)
            except TimeoutError:
                outcome = ModelError(self._account, endpoint, 0, _TIMED_OUT)
            finally:
                variant.fleet.release(instance)
            return variant, time.perf_counter() - started, outcome

    def _acquire(self, endpoint: Endpoint, target: str) -> tuple[Variant, EndpointInstance]:
        try:
            return endpoint.acquire(target)
        except KeyError as error:
            raise ServiceError(
                "ValidationError", f"Variant {target} for endpoint {endpoint.name} not found."
            ) from error
        except NoInstanceError as error:
            if error.saturated:
                raise ServiceError("ThrottlingException", "Rate exceeded") from error
            raise ServiceError("ServiceUnavailable", "The service is unavailable. Try your call again.") from error

    def _record(
        self, endpoint: Endpoint, variant: Variant, model_seconds: float, total_seconds: float, outcome: Any
    ) -> None:
        dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
        status = outcome.original_status if isinstance(outcome, ModelError) else 200
        is_4xx = 400 <= status < 500
        is_5xx = status == 0 or status >= 500
        put = self._account.put_metric
        put(_NAMESPACE, "Invocations", 1, "None", dimensions)
        put(_NAMESPACE, "InvocationsPerInstance", 1 / max(1, variant.fleet.current_count), "None", dimensions)
        put(_NAMESPACE, "Invocation4XXErrors", float(is_4xx), "None", dimensions)
        put(_NAMESPACE, "Invocation5XXErrors", float(is_5xx), "None", dimensions)
        put(_NAMESPACE, "ModelLatency", round(model_seconds * 1e6), "Microseconds", dimensions)
        overhead = max(0.0, total_seconds - model_seconds)
        put(_NAMESPACE, "OverheadLatency", round(overhead * 1e6), "Microseconds", dimensions)


_DIED = "An error occurred while handling request as the model process exited."
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


def _read(environ: dict[str, Any], size: int) -> bytes | None:
    """Return the body, or None, read and thrown away, when it is too large; the connection stays usable."""
    stream = environ["wsgi.input"]
    if size <= MAX_BODY_BYTES:
        body: bytes = stream.read(size)
        return body
    while size > 0:
        chunk = stream.read(min(size, 1 << 20))
        if not chunk:
            break
        size -= len(chunk)
    return None


def _refuse(environ: Mapping[str, Any]) -> None:
    refuse("InvokeEndpoint", {member: environ.get(key) for key, member in _REFUSED.items()}, ())


def _error(error: ServiceException) -> Answer:
    body = {"Message": error.message, "message": error.message} | getattr(error, "members", {})
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return _STATUSES.get(error.code, 400), headers, json.dumps(body).encode()


def _phrase(status: int) -> str:
    return {
        200: "OK",
        202: "Accepted",
        413: "Request Entity Too Large",
        424: "Failed Dependency",
        503: "Service Unavailable",
    }.get(status, "Error")


def _request_id() -> str:
    value = secrets.token_hex(16)
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def install(account: Account, endpoints: Endpoints) -> None:
    """Let invocations pass moto by, on their way to an instance."""
    account.singleton(Operations).carry_out("sagemaker-runtime", {"InvokeEndpoint", "InvokeEndpointAsync"})
    runtime = Runtime(account, endpoints)
    account.add_middleware(runtime.middleware)
    account.every("asynchronous backlogs", BACKLOG_SECONDS, runtime.asynchronous.record_backlogs)
