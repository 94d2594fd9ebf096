"""Ten faults of every operation that handlers call, made by the embedded account: what class leaves the client."""

import functools
import itertools
import socket
import time
from collections import Counter
from typing import Any

import pytest
from botocore.config import Config
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import Faults, client_environment
from handlers import aws
from handlers.aws import clients
from handlers.contract.errors import (
    AwsDeniedError,
    AwsError,
    AwsRequestError,
    AwsThrottledError,
    AwsUnavailableError,
)
from tests.handlers.call_sites import call_sites
from tests.handlers.cases import FAULTS

_TRIES = clients.CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]
# An answer to HEAD has no body, so its status is all that is known: a full or expired service cannot be told apart.
_OF_HEAD = {"throttling": AwsUnavailableError, "ExpiredToken": AwsRequestError}
_NAMESAKES = {("sns", "DeleteEndpoint")}  # handlers call SageMaker's
# The fault, its members, the class it becomes, and how often botocore tries: a 4xx other than throttling once.
_FAULTS: dict[str, tuple[str, dict[str, Any], type[AwsError], int]] = {
    "throttling": ("throttle", {}, AwsThrottledError, _TRIES),
    "500": ("error", {}, AwsUnavailableError, _TRIES),
    "503": ("error", {"code": "ServiceUnavailable", "status": 503}, AwsUnavailableError, _TRIES),
    "closed connection": ("drop", {}, AwsUnavailableError, _TRIES),
    "ModelError": ("error", {"code": "ModelError", "status": 424}, AwsRequestError, 1),
    "ValidationException": ("error", {"code": "ValidationException", "status": 400}, AwsRequestError, 1),
    "AccessDenied": ("error", {"code": "AccessDeniedException", "status": 403}, AwsDeniedError, 1),
    "ExpiredToken": ("expire-credentials", {}, AwsDeniedError, 1),
}


@pytest.fixture(autouse=True)
def _handlers_reach(account: RunningAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let handlers' clients call the account, without resting between tries; the other tests' clients are kept."""
    for name in ("_client", "_session"):
        monkeypatch.setattr(clients, name, functools.cache(getattr(clients, name).__wrapped__))
    for name, value in client_environment(account.info).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def _minimal(shape: Any) -> Any:
    """Return the least that botocore takes for a shape: required members, shortest texts."""
    if shape.type_name == "structure":
        return {name: _minimal(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [_minimal(shape.member)] * shape.metadata.get("min", 0)
    if shape.type_name == "map":
        return {}
    made = {
        "string": "x" * max(3, shape.metadata.get("min", 0)),
        "integer": 1,
        "long": 1,
        "boolean": True,
        "blob": b"x",
        "timestamp": "2026-11-30T00:00:00Z",
    }
    return shape.enum[0] if shape.type_name == "string" and shape.enum else made[shape.type_name]


@functools.cache
def _operations() -> list[str]:
    return sorted({operation for _, operation in call_sites()})


def _calls() -> list[tuple[str, str, dict[str, Any]]]:
    """Return service, operation and parameters of every operation that handlers call."""
    calls = []
    for service in (aws.s3, aws.dynamodb, aws.sagemaker, aws.sagemaker_runtime, aws.stepfunctions, aws.autoscaling,
                    aws.sns, aws.cloudwatch_logs, aws.cloudwatch):  # fmt: skip
        model = service().meta.service_model
        for operation in set(_operations()) & set(model.operation_names):
            if (model.service_name, operation) in _NAMESAKES:
                continue
            shape = model.operation_model(operation).input_shape
            calls.append((model.service_name, operation, _minimal(shape)))
    return calls


def _outcome(service: str, operation: str, params: dict[str, Any]) -> type[Exception]:
    with pytest.raises(AwsError, match="; ") as caught:  # and says what to do about it
        clients._client(service)._make_api_call(operation, params)
    return type(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", _FAULTS)
def test_fault_of_each_operation_has_its_class_and_its_tries(faults: Faults, name: str) -> None:
    """Throttling, 5xx and lost connections are tried again, at most five times in all; no other 4xx is."""
    kind, members, expected, tries = _FAULTS[name]
    calls = _calls()
    ids = [faults.add(kind, service=service, count=1000, **members) for service in {service for service, *_ in calls}]

    outcomes = {}
    for number, (service, operation, params) in enumerate(calls):
        if number % 8 == 0:
            clients._client.cache_clear()  # botocore ceases to try again when a client has met too many failures
        outcomes[operation] = _outcome(service, operation, params)

    made = Counter(each["occasion"].split()[0].partition(":")[2] for each in faults.history() if each["id"] in ids)
    assert outcomes == dict.fromkeys(_operations(), expected) | {"HeadObject": _OF_HEAD.get(name, expected)}
    assert {operation: made[operation] for operation in _operations()} == dict.fromkeys(_operations(), tries)


def test_an_answer_that_never_comes_is_unavailability(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read timeout leaves the client of each service as our class, after its last try."""
    monkeypatch.setattr(clients, "CONFIG", clients.CONFIG.merge(Config(read_timeout=0.02)))
    calls = _one_a_service()
    for service, *_ in calls:
        faults.add("slow", service=service, seconds=0.5, count=1000)

    assert {_outcome(*call) for call in calls} == {AwsUnavailableError}


def test_a_connection_that_is_never_made_is_unavailability(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect timeout leaves the client of each service as our class."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{full.getsockname()[1]}")
        monkeypatch.setattr(clients, "CONFIG", clients.CONFIG.merge(Config(connect_timeout=0.02)))
        aws.forget_clients()

        assert {_outcome(*call) for call in _one_a_service()} == {AwsUnavailableError}


def _one_a_service() -> list[tuple[str, str, dict[str, Any]]]:
    return [next(group) for _, group in itertools.groupby(_calls(), key=lambda call: call[0])]


def test_the_ten_faults_are_those_of_the_handlers_tests() -> None:
    """What tests/handlers/test_faults.py lets every call site meet is what is made here for every operation."""
    assert {*_FAULTS, "connect timeout", "read timeout"} == set(FAULTS)
