"""DeployShadow: what is asked of SageMaker, what is skipped and said, and what a crash leaves."""

import json

import pytest

from handlers import deploy_endpoint
from handlers.contract.names import shadow_config_name
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints import serving
from handlers.endpoints.shadow import config_request, update_request
from handlers.ledger import Deployment
from tests.handlers.environment import EXECUTION

_CONFIG = shadow_config_name(EXECUTION)


@pytest.fixture
def step(event):
    return event("deploy_endpoint") | {"Shadow": True}


def _told(sent):
    """Return what the state machine was told."""
    operation, params = sent.answers[-1]
    assert operation == "SendTaskSuccess"
    return json.loads(params["output"])


def test_the_config_has_what_serves_and_the_candidate(event, settings):
    """What serves stays as it is; the weights' ratio is the share; the answers of both are kept, not the pictures."""
    serving_variant = {"VariantName": "AllTraffic", "ModelName": "old", "InstanceType": "ml.c5.large"}
    parsed = DeployEndpointInput.from_event(event("deploy_endpoint"))

    request = config_request(parsed, serving_variant, 2, settings)

    assert request["ProductionVariants"] == [serving_variant | {"InitialVariantWeight": 1.0}]
    (shadow,) = request["ShadowProductionVariants"]
    assert (shadow["ModelName"], shadow["InitialInstanceCount"]) == (EXECUTION, 2)
    assert request["DataCaptureConfig"]["CaptureOptions"] == [{"CaptureMode": "Output"}]
    assert request["DataCaptureConfig"]["DestinationS3Uri"].endswith(f"/captured/{EXECUTION}")


def test_the_update_rolls_back_on_alarms(settings):
    """New instances of the same model take over at once, which is no reason to watch for long, but for alarms."""
    update = update_request(_CONFIG, settings)

    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (policy["Type"], update["RetainAllVariantProperties"]) == ("ALL_AT_ONCE", True)
    assert len(update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 2


def test_without_the_parameter_nothing_is_deployed(world, sent, step, lambda_context, monkeypatch):
    """The state goes on at once, and says which parameter asks for none."""
    monkeypatch.setenv("SHADOW_PERCENT", "0")
    world.sagemaker.serve(config="old-config")

    deploy_endpoint.handler(step, lambda_context)

    assert "ShadowPercent=0" in _told(sent)["Reason"]
    assert "CreateModel" not in world.sagemaker.operations()


def test_without_a_model_that_serves_it_is_skipped(world, sent, step, lambda_context):
    """At the first deployment there is no request to copy."""
    deploy_endpoint.handler(step, lambda_context)

    assert _told(sent) == {"Reason": "endpoint 'retriever' serves nothing, so there are no requests to copy"}


def test_the_endpoint_gets_the_shadow_and_the_state_waits(world, sent, step, event, lambda_context):
    """Once the endpoint is InService the state is told where the answers are and how long to wait."""
    world.start_execution()
    world.sagemaker.serve(config="old-config")

    deploy_endpoint.handler(step, lambda_context)
    world.sagemaker.end_update()
    _resume(event, lambda_context)

    request = world.sagemaker.request("CreateEndpointConfig")
    assert request["ShadowProductionVariants"][0]["InitialVariantWeight"] == 0.25
    assert world.sagemaker.endpoints["retriever"]["EndpointConfigName"] == _CONFIG
    told = _told(sent)
    assert (told["PreviousEndpointConfigName"], told["WaitSeconds"]) == ("old-config", 420)


def test_a_retried_state_meets_its_own_shadow(world, sent, step, event, lambda_context):
    """It asks for no second one, and still knows what served before."""
    world.start_execution()
    world.sagemaker.serve(config="old-config")
    deploy_endpoint.handler(step, lambda_context)
    world.sagemaker.end_update()

    deploy_endpoint.handler(step | {"TaskToken": "second"}, lambda_context)

    assert _told(sent)["PreviousEndpointConfigName"] == "old-config"
    assert world.sagemaker.operations().count("UpdateEndpoint") == 1


def test_the_deployment_after_it_goes_back_behind_the_shadow(world, sent, step, event, lambda_context):
    """If the new model is rejected later, what comes back has no shadow."""
    world.start_execution()
    world.sagemaker.serve(config="old-config")
    deploy_endpoint.handler(step, lambda_context)
    world.sagemaker.end_update()
    _resume(event, lambda_context)

    deploy_endpoint.handler(event("deploy_endpoint"), lambda_context)
    world.sagemaker.end_update()
    _resume(event, lambda_context)

    assert _told(sent)["PreviousEndpointConfigName"] == "old-config"


@pytest.mark.parametrize("is_over", [True, False])
def test_the_sweep_ends_a_shadow_whose_execution_is_over(world, sent, step, event, lambda_context, is_over):
    """Stopped while requests were copied: the endpoint goes back, so that no shadow is paid on."""
    world.start_execution()
    world.sagemaker.serve(config="old-config")
    deploy_endpoint.handler(step, lambda_context)
    world.sagemaker.end_update()
    if is_over:
        world.stop_execution()

    done = serving.repair(world.ledger, world.settings)

    assert done == ("the endpoint goes back to 'old-config'" if is_over else "")


def test_a_report_takes_the_shadow_out_and_keeps_what_serves(world, sent, step, lambda_context):
    """What served before the shadow is needed for that, so it is not removed while the shadow is there."""
    world.start_execution()
    world.sagemaker.serve(config="old-config")
    Deployment.note(world.ledger, "old-config")
    deploy_endpoint.handler(step, lambda_context)
    world.sagemaker.end_update()

    serving.remove_unused(world.ledger, world.settings)
    done = serving.take_out(EXECUTION, world.ledger, world.settings)

    assert "old-config" in world.sagemaker.endpoint_configs
    assert done == "the endpoint goes back to 'old-config'"


def _resume(event, lambda_context):
    from handlers import resume_execution

    resume_execution.handler(event("endpoint_state_change"), lambda_context)
