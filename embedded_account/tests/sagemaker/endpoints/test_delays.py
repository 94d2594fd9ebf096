"""Endpoints whose instances take a while to start, where the account's delays are on."""

from typing import Any

from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import AccountClock, RunningAccount
from support.hosted import Hosting
from support.waiting import eventually


def test_endpoint_is_creating_until_its_instances_run(
    account: RunningAccount, faults: Faults, clock: AccountClock
) -> None:
    """Minutes pass on the account's clock.

    Source: SageMaker API reference, DescribeEndpoint: EndpointStatus.
    """
    hosting = Hosting(account.client)
    faults.add("delay-instances", name="slow")
    config = hosting.config("slow")
    begun = hosting.sagemaker.create_endpoint(EndpointName="slow", EndpointConfigName=config)
    created_at = hosting.sagemaker.describe_endpoint(EndpointName="slow")["CreationTime"]

    def in_service_after_another_minute() -> dict[str, Any]:
        clock.advance(60)
        answer: dict[str, Any] = hosting.sagemaker.describe_endpoint(EndpointName="slow")
        return answer if answer["EndpointStatus"] == "InService" else {}

    endpoint = eventually(in_service_after_another_minute, 30, "the endpoint", pause_seconds=0.2)
    assert endpoint["EndpointArn"] == begun["EndpointArn"]
    assert (endpoint["LastModifiedTime"] - created_at).total_seconds() >= 180
    hosting.delete("slow")
