"""Reserved and provisioned concurrency."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.counted import DAY, whole_span
from support.functions import Deployed
from support.waiting import eventually

NewFunction = Callable[..., Deployed]
SLEEPER = """
import os, time
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    return [os.getpid(), os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], context.function_version]
"""


def outcome(deployed: Deployed, seconds: float, **options: str) -> Any:
    """Return the handler's answer, or the error of a refused call."""
    try:
        return deployed.invoke({"sleep": seconds}, **options).value
    except ClientError as error:
        return error


def provision(deployed: Deployed, qualifier: str, number: int) -> None:
    """Set provisioned concurrency and wait until it is there."""
    client = deployed.account.client("lambda")
    client.put_provisioned_concurrency_config(
        FunctionName=deployed.name, Qualifier=qualifier, ProvisionedConcurrentExecutions=number
    )
    eventually(lambda: status(deployed, qualifier)["Status"] == "READY")


def status(deployed: Deployed, qualifier: str) -> Any:
    """Return the provisioned concurrency configuration."""
    return deployed.client.get_provisioned_concurrency_config(FunctionName=deployed.name, Qualifier=qualifier)


def metric(deployed: Deployed, name: str, statistic: str) -> float:
    """Return a metric of the alias `live`; 0 without samples."""
    dimensions = [("FunctionName", deployed.name), ("Resource", f"{deployed.name}:live")]
    statistics = deployed.account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName=name, Statistics=[statistic], Period=DAY,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions],
        **whole_span(),
    )["Datapoints"]  # fmt: skip
    values = [one[statistic] for one in statistics]  # two when a day has just begun
    return float(sum(values) if statistic in ("Sum", "SampleCount") else max(values, default=0))


def with_alias(deployed: Deployed) -> Deployed:
    """Publish the function under the alias `live`."""
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())
    return deployed


def test_reserved_concurrency_serves_that_many_at_once(function: NewFunction) -> None:
    """With 2 reserved, of 5 at once 2 are served and 3 get 429 with a reason and a retry hint; then it recovers.

    Source: Lambda developer guide, "Configuring reserved concurrency for a function".
    """
    deployed = function(SLEEPER, Timeout=20)
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=2)

    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(lambda _: outcome(deployed, 2.0), range(5)))

    refused = [one for one in outcomes if isinstance(one, ClientError)]
    assert len({tuple(one) for one in outcomes if isinstance(one, list)}) == 2
    assert len(refused) == 3
    for error in refused:
        answer: Any = error.response
        assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
        assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert deployed.invoke().error is None


def test_invocations_errors_and_throttles_are_counted(function: NewFunction) -> None:
    """Invocations are runs of the handler, errors those that failed, throttles refusals, which are no invocations.

    Source: Lambda developer guide, "Types of metrics for Lambda functions".
    """
    source = "def handler(event, context):\n    if event.get('fail'):\n        raise ValueError('asked to')\n"
    deployed = with_alias(function(source, Timeout=20))
    for event in ({}, {"fail": True}, {}):
        deployed.invoke(event, Qualifier="live")
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=0)
    with pytest.raises(deployed.client.exceptions.TooManyRequestsException, match="Rate Exceeded"):
        deployed.invoke({}, Qualifier="live")

    eventually(lambda: metric(deployed, "Throttles", "Sum") == 1)

    assert [metric(deployed, name, "Sum") for name in ("Invocations", "Errors")] == [3, 1]
    assert metric(deployed, "Duration", "SampleCount") == 3
    assert metric(deployed, "ConcurrentExecutions", "Maximum") == 1


def test_reservation_is_shown_and_removed(function: NewFunction) -> None:
    """The reservation is in GetFunction and in the account's settings until it is deleted; 0 refuses all.

    Source: Lambda developer guide, "Configuring reserved concurrency for a function".
    """
    deployed = function(SLEEPER)
    before = deployed.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=3)

    shown = deployed.client.get_function(FunctionName=deployed.name)["Concurrency"]
    after = deployed.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    assert (shown, after) == ({"ReservedConcurrentExecutions": 3}, before - 3)

    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        deployed.invoke()

    deployed.client.delete_function_concurrency(FunctionName=deployed.name)
    assert "ReservedConcurrentExecutions" not in deployed.client.get_function_concurrency(FunctionName=deployed.name)
    assert deployed.invoke().error is None


def test_reservation_leaves_a_hundred_for_others(function: NewFunction) -> None:
    """AWS keeps 100 of the account's 1000 unreserved.

    Source: Lambda developer guide, "Configuring reserved concurrency for a function".
    """
    deployed = function(SLEEPER)

    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
        deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=901)


def test_provisioned_environments_serve_the_alias(function: NewFunction) -> None:
    """They are started before the first call, serve the alias only, and one call too many spills over.

    Developer guide, monitoring-concurrency: calls beyond the provisioned run on demand and count as spillover.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
    """
    deployed = with_alias(function(SLEEPER, Timeout=20))
    provision(deployed, "live", 1)
    shown = status(deployed, "live")
    assert shown["AllocatedProvisionedConcurrentExecutions"] == shown["AvailableProvisionedConcurrentExecutions"] == 1

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: outcome(deployed, 1.5, Qualifier="live"), range(2)))

    assert sorted(kind for _, kind, _ in outcomes) == ["on-demand", "provisioned-concurrency"]
    assert eventually(lambda: metric(deployed, "ProvisionedConcurrencySpilloverInvocations", "Sum")) == 1
    assert metric(deployed, "ProvisionedConcurrencyInvocations", "Sum") == 1
    assert metric(deployed, "ProvisionedConcurrencyUtilization", "Maximum") == 1
    assert metric(deployed, "ConcurrentExecutions", "Maximum") == 2
    assert deployed.invoke(Qualifier="live").value[1] == "provisioned-concurrency"
    assert deployed.invoke().value[1] == "on-demand"


def test_reserved_equal_to_provisioned_leaves_none_for_latest(function: NewFunction) -> None:
    """Provisioned concurrency is part of the reserved; spilling over is refused as well.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
    """
    deployed = with_alias(function(SLEEPER, Timeout=20))
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=1)
    provision(deployed, "live", 1)

    with pytest.raises(ClientError, match="TooManyRequestsException"):
        deployed.invoke()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: outcome(deployed, 1.0, Qualifier="live"), range(2)))

    assert [isinstance(one, ClientError) for one in outcomes].count(True) == 1
    assert deployed.invoke(Qualifier="live").error is None


def test_provisioned_concurrency_has_its_limits(function: NewFunction) -> None:
    """Not for $LATEST, not above the reserved; and the reserved not below it.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
    """
    deployed = with_alias(function(SLEEPER))
    deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=2)
    put = deployed.client.put_provisioned_concurrency_config

    with pytest.raises(ClientError, match="cannot be applied to unpublished function versions"):
        put(FunctionName=deployed.name, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    with pytest.raises(ClientError, match="should not be greater than the reservedConcurrentExecution"):
        put(FunctionName=deployed.name, Qualifier="live", ProvisionedConcurrentExecutions=3)
    with pytest.raises(ClientError, match="No Provisioned Concurrency Config found"):
        status(deployed, "live")
    provision(deployed, "live", 2)
    with pytest.raises(ClientError, match=r"total provisioned concurrency \[2\]"):
        deployed.client.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=1)


def test_provisioned_environments_move_with_the_alias(function: NewFunction) -> None:
    """After the alias is moved, environments of the new version serve it.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
    """
    deployed = with_alias(function(SLEEPER, Timeout=20))
    provision(deployed, "live", 1)
    deployed.update(SLEEPER + "\n# changed")

    deployed.client.update_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())
    eventually(lambda: status(deployed, "live")["Status"] == "READY")

    assert deployed.invoke(Qualifier="live").value[1:] == ["provisioned-concurrency", "2"]


def test_provisioned_environment_that_crashed_is_replaced(function: NewFunction) -> None:
    """The configured number runs again soon.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
    """
    crasher = SLEEPER.replace("    time.sleep(", "    if event.get('crash'): os._exit(1)\n    time.sleep(")
    deployed = with_alias(function(crasher, Timeout=20))
    provision(deployed, "live", 1)

    assert deployed.invoke({"crash": True}, Qualifier="live").error == "Unhandled"

    eventually(lambda: status(deployed, "live")["AvailableProvisionedConcurrentExecutions"] == 1)
    assert deployed.invoke(Qualifier="live").value[1] == "provisioned-concurrency"


def test_provisioned_concurrency_of_a_broken_function_fails(function: NewFunction) -> None:
    """The configuration says why.

    Source: Lambda API reference, GetProvisionedConcurrencyConfig.
    """
    deployed = with_alias(function("raise RuntimeError('broken')"))
    deployed.client.put_provisioned_concurrency_config(
        FunctionName=deployed.name, Qualifier="live", ProvisionedConcurrentExecutions=1
    )

    shown = eventually(lambda: (now := status(deployed, "live"))["Status"] == "FAILED" and now)

    assert shown["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"


def test_deleted_configuration_ends_its_environments(function: NewFunction) -> None:
    """The processes are gone; calls go on-demand.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function".
    """
    import psutil

    deployed = with_alias(function(SLEEPER, Timeout=20))
    provision(deployed, "live", 1)
    pid = deployed.invoke(Qualifier="live").value[0]

    deployed.client.delete_provisioned_concurrency_config(FunctionName=deployed.name, Qualifier="live")

    assert not psutil.pid_exists(pid)
    assert deployed.invoke(Qualifier="live").value[1] == "on-demand"
    assert (
        deployed.client.list_provisioned_concurrency_configs(FunctionName=deployed.name)[
            "ProvisionedConcurrencyConfigs"
        ]
        == []
    )


def test_new_function_is_warm_soon(function: NewFunction) -> None:
    """An environment is started ahead of the first invocation, so that this one does not pay for the import.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    deployed = function("import time\nimported = time.time()\ndef handler(e, c): return imported")
    eventually(lambda: "INIT_START" in deployed.log())

    before = time.time()

    assert deployed.invoke().value < before
