"""The prediction function as deployed, in front of an endpoint that counts: who is served, who is told to wait."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount

from tests.prediction_service import CountingEndpoint, Deployed, counting_endpoint, prediction_function
from tests.waiting import wait_for

EVENT = {"image": base64.b64encode(b"\xff\xd8\xff jpeg").decode()}


@pytest.fixture
def endpoint() -> Iterator[CountingEndpoint]:
    """An endpoint that waits to be told to go on."""
    with counting_endpoint() as counting:
        yield counting


@pytest.fixture
def predict(account: RunningAccount, endpoint: CountingEndpoint) -> Iterator[Deployed]:
    """The prediction function behind the alias `live`."""
    with prediction_function(account, endpoint) as deployed:
        yield deployed


def caller(deployed: Deployed, tries: int) -> Callable[[int], int]:
    """Return an app's call through the alias, with an SDK that tries so often; it gives the HTTP status."""
    config = Config(retries={"mode": "standard", "total_max_attempts": tries}, read_timeout=30)
    client = deployed.account.client("lambda", config=config)

    def call(_: int) -> int:
        try:
            answer = client.invoke(FunctionName=deployed.name, Qualifier="live", Payload=json.dumps(EVENT))
        except ClientError as error:
            response: Any = error.response
            assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
            assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
            return int(response["ResponseMetadata"]["HTTPStatusCode"])
        return int(json.load(answer["Payload"])["statusCode"])

    return call


def test_reserved_callers_are_served_and_the_rest_told_to_wait(predict: Deployed, endpoint: CountingEndpoint) -> None:
    """With 3 reserved: 3 at the endpoint together, 4 get 429 with a hint, and then 3 callers are served again.

    How soon is measured by bench/bench_predict.py.
    """
    predict.client.put_function_concurrency(FunctionName=predict.name, ReservedConcurrentExecutions=3)
    call = caller(predict, tries=1)

    with ThreadPoolExecutor(7) as pool:
        calls = [pool.submit(call, number) for number in range(7)]
        wait_for(lambda: endpoint.num_asked == 3 and sum(one.done() for one in calls) == 4, 30)
        endpoint.go_on.set()
        statuses = sorted(one.result() for one in calls)

    assert statuses == [200] * 3 + [429] * 4
    wait_for(lambda: call(0) == 200, 30)
    with ThreadPoolExecutor(3) as pool:
        endpoint.go_on.clear()
        calls = [pool.submit(caller(predict, tries=6), number) for number in range(3)]
        wait_for(lambda: endpoint.num_asked == 3 + 1 + 3, 30)  # all three places are there again
        endpoint.go_on.set()
        assert [one.result() for one in calls] == [200] * 3


def test_provisioned_environments_serve_the_alias(predict: Deployed, endpoint: CountingEndpoint) -> None:
    """Callers of the alias meet environments that were started before: their first log line reports no cold start."""
    endpoint.go_on.set()
    options = {"FunctionName": predict.name, "Qualifier": "live"}
    predict.client.put_provisioned_concurrency_config(**options, ProvisionedConcurrentExecutions=2)
    ready = predict.client.get_provisioned_concurrency_config
    wait_for(lambda: ready(**options)["Status"] == "READY", 30)

    assert [caller(predict, tries=1)(0) for _ in range(3)] == [200] * 3

    reports = [line for line in predict.log().splitlines() if line.startswith("REPORT")]
    assert len(reports) == 3
    assert not [line for line in reports if "Init Duration" in line]
    assert ready(**options)["AvailableProvisionedConcurrentExecutions"] == 2


def test_retries_of_callers_do_not_multiply_the_load(predict: Deployed, endpoint: CountingEndpoint) -> None:
    """A throttled endpoint is asked once a call, though callers' SDKs try four times and would go on at a 429."""
    endpoint.go_on.set()
    endpoint.status, endpoint.code = 400, "ThrottlingException"

    statuses = [caller(predict, tries=4)(number) for number in range(5)]

    assert statuses == [429] * 5
    assert endpoint.num_asked == 5


def test_refused_callers_reach_the_endpoint_once_each(predict: Deployed, endpoint: CountingEndpoint) -> None:
    """Lambda refuses before the function runs, so what an SDK tries again has not been at the endpoint yet."""
    endpoint.go_on.set()
    predict.client.put_function_concurrency(FunctionName=predict.name, ReservedConcurrentExecutions=1)

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(caller(predict, tries=6), range(4)))

    assert endpoint.num_asked == statuses.count(200)
    assert statuses.count(200) >= 1
