"""EndpointKind: what is asked of SageMaker for serverless containers, and what is left out."""

import pytest

from handlers import aws
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput
from handlers.deploy_endpoint import handler as deploy_endpoint
from handlers.endpoints import scaling, serving
from handlers.endpoints.requests import endpoint_config_request, model_request, update_request
from handlers.endpoints.shadow import no_shadow_reason
from handlers.ledger import Deployment, Scaling
from handlers.register_scaling import handler as register_scaling
from tests.handlers.environment import ENVIRONMENT, EXECUTION
from tests.handlers.stored import stored

_INSTANCES = [{"VariantName": "AllTraffic", "CurrentInstanceCount": 1, "DesiredInstanceCount": 1}]
_CONTAINERS = [{"VariantName": "AllTraffic", "CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 3}}]


@pytest.fixture
def serverless(monkeypatch):
    """Let the next deployment be to serverless containers."""
    monkeypatch.setenv("ENDPOINT_KIND", "serverless")
    return Settings.from_env({**ENVIRONMENT, "ENDPOINT_KIND": "serverless"})


def test_serverless_config_names_memory_and_concurrency(event, serverless):
    """No instance type and no count beside them, which SageMaker refuses together."""
    step = DeployEndpointInput.model_validate(event("deploy_endpoint"))

    (variant,) = endpoint_config_request(step, serverless)["ProductionVariants"]

    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
    assert variant.keys().isdisjoint({"InstanceType", "InitialInstanceCount"})


def test_serverless_container_has_one_worker(event, settings, serverless):
    """A request at a time comes to it, and each worker holds the model; instances decide for themselves."""
    step = DeployEndpointInput.model_validate(event("deploy_endpoint"))
    asked = [model_request(step, each)["PrimaryContainer"]["Environment"] for each in (settings, serverless)]

    assert [each.get("SAGEMAKER_MODEL_SERVER_WORKERS") for each in asked] == [None, "1"]


@pytest.mark.parametrize("was_serverless", [True, False])
def test_update_between_kinds_retains_no_counts(event, settings, serverless, was_serverless):
    """There is no count of instances before or after, and no canary of containers."""
    step = DeployEndpointInput.model_validate(event("deploy_endpoint"))

    request = update_request(step, serverless if was_serverless else settings, 4, was_serverless=was_serverless)

    assert request["RetainAllVariantProperties"] is not was_serverless
    routing = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == ("ALL_AT_ONCE" if was_serverless else "CANARY")


def test_instances_make_room_for_serverless(world, event, lambda_context, serverless):
    """SageMaker refuses that update, so the endpoint goes and comes; what served before is remembered."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["ProductionVariants"] = _INSTANCES

    assert deploy_endpoint(event("deploy_endpoint"), lambda_context)["Move"] == "create"

    assert "UpdateEndpoint" not in world.sagemaker.operations()
    assert world.sagemaker.endpoints["retriever"]["EndpointConfigName"] == EXECUTION
    assert stored(Deployment, world.ledger, EXECUTION).previous_config_name == "old-config"


def test_serverless_endpoint_is_updated_in_place(world, event, lambda_context, serverless):
    """From containers to containers, as from containers to instances, nothing is deleted."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["ProductionVariants"] = _CONTAINERS

    assert deploy_endpoint(event("deploy_endpoint"), lambda_context)["Move"] == "update"
    assert "DeleteEndpoint" not in world.sagemaker.operations()


def test_serverless_is_set_back_without_counts(world):
    """Containers have none that instances could retain."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["ProductionVariants"] = _CONTAINERS

    serving.set_back("retriever", "old-config")

    assert world.sagemaker.request("UpdateEndpoint")["RetainAllVariantProperties"] is False


def test_scaling_of_serverless_is_said_to_be_none(world, event, lambda_context, serverless):
    """Nothing is registered, and the result says what bounds the containers."""
    world.sagemaker.serve()

    result = register_scaling(event("register_scaling"), lambda_context)

    assert (result["PolicyName"], result["MaxCapacity"]) == ("", 5)
    assert result["Words"].startswith("no autoscaling: serverless containers come with the requests, at most 5")
    assert aws.autoscaling().describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


@pytest.mark.parametrize("variants", [_CONTAINERS, None])
def test_scaling_is_kept_where_nothing_scales(world, variants):
    """After a failed run: serverless containers, or no endpoint at all."""
    Scaling("retriever", {"MinCapacity": 1, "MaxCapacity": 2}).keep(world.ledger)
    if variants:
        world.sagemaker.serve()
        world.sagemaker.endpoints["retriever"]["ProductionVariants"] = variants

    assert not scaling.restore(world.ledger, world.settings)
    assert stored(Scaling, world.ledger, "retriever").target == {"MinCapacity": 1, "MaxCapacity": 2}


@pytest.mark.parametrize("before", [_INSTANCES, _CONTAINERS])
def test_serverless_endpoint_takes_no_shadow(before, settings, serverless):
    """Whichever side is serverless."""
    asked = {"ENDPOINT_KIND": "serverless" if before is _INSTANCES else "instance", "SHADOW_PERCENT": "50"}
    own = Settings.from_env({**ENVIRONMENT, **asked, "SHADOW_SECONDS": "60"})
    endpoint = {"EndpointStatus": "InService", "ProductionVariants": before}

    assert no_shadow_reason(endpoint, own).startswith("SageMaker copies no requests of a serverless endpoint")
