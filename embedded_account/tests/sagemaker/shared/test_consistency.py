"""What SageMaker has just made, and does not find yet, where the account's delays are on."""

import pytest
from botocore.exceptions import ClientError
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import AccountClock, RunningAccount
from support.hosted import VARIANT, Hosting


@pytest.fixture(scope="module")
def hosting(account: RunningAccount) -> Hosting:
    """Make models in the shared account."""
    return Hosting(account.client)


def test_endpoint_of_a_just_made_configuration_is_refused(
    hosting: Hosting, faults: Faults, clock: AccountClock
) -> None:
    """CreateEndpoint reads with eventual consistency; AWS's page asks for a retry of its ValidationException.

    Source: SageMaker API reference, CreateEndpoint.
    """
    faults.add("delay-resources", name="*:endpoint-config/*")
    config = hosting.config("late")

    with pytest.raises(ClientError, match="Could not find endpoint configuration") as caught:
        hosting.sagemaker.create_endpoint(EndpointName="early", EndpointConfigName=config)

    assert caught.value.response["Error"]["Code"] == "ValidationException"
    clock.advance(6)
    hosting.sagemaker.create_endpoint(EndpointName="early", EndpointConfigName=config)
    hosting.settled("early")
    hosting.delete("early")


def test_configuration_of_a_just_made_model_is_refused(hosting: Hosting, faults: Faults) -> None:
    """CreateEndpointConfig looks for its models.

    Source: SageMaker API reference, CreateEndpointConfig.
    """
    faults.add("delay-resources", name="*:model/*")

    with pytest.raises(ClientError, match="Could not find model"):
        hosting.config("late")


def test_describe_after_create_may_miss(hosting: Hosting, faults: Faults) -> None:
    """One read finds the new configuration and the next one does not; so it is with lists."""
    model = hosting.config("seen")
    faults.add("delay-resources")
    variant = {"VariantName": VARIANT, "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    hosting.sagemaker.create_endpoint_config(EndpointConfigName=f"{model}-2", ProductionVariants=[variant])

    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        hosting.sagemaker.describe_endpoint_config(EndpointConfigName=f"{model}-2")
    configs = hosting.sagemaker.list_endpoint_configs(NameContains=f"{model}-2")["EndpointConfigs"]
    missed = hosting.sagemaker.list_endpoint_configs(NameContains=f"{model}-2")["EndpointConfigs"]

    assert (len(configs), len(missed)) == (1, 0)
