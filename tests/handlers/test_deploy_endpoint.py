"""handlers/deploy_endpoint.py and serving.py: create, update with rollback, and what an earlier try has left."""

from typing import TYPE_CHECKING

import pytest

from handlers.contract.errors import AwsDeniedError, AwsRequestError, EndpointFailedError, SettingsError
from handlers.contract.settings import Settings
from handlers.contract.states import DeployEndpointInput
from handlers.endpoints import serving
from handlers.endpoints.requests import next_move, update_request
from handlers.ledger import Deployment, Token
from tests.handlers.environment import ENVIRONMENT, EXECUTION
from tests.handlers.stored import stored

if TYPE_CHECKING:
    pass

_ENDPOINT_ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/retriever"


def test_first_deployment_creates_the_endpoint(world, deploy):
    """Model, config and endpoint, all named as the execution, and a token to wait with."""
    assert deploy()["Move"] == "create"

    container = world.sagemaker.models[EXECUTION]["PrimaryContainer"]
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    variant = world.sagemaker.endpoint_configs[EXECUTION]["ProductionVariants"][0]
    assert (variant["VariantName"], variant["ModelName"], variant["InstanceType"]) == (
        "AllTraffic",
        EXECUTION,
        "ml.m5.large",
    )
    assert world.sagemaker.endpoints["retriever"]["EndpointStatus"] == "Creating"
    token = stored(Token, world.ledger, _ENDPOINT_ARN)
    assert (token.endpoint_config_name, token.previous_endpoint_config_name) == (EXECUTION, "")


def test_next_deployment_updates_the_endpoint(world, deploy):
    """The config that serves is remembered."""
    world.sagemaker.serve()

    assert deploy()["Move"] == "update"

    request = world.sagemaker.request("UpdateEndpoint")
    assert (request["EndpointName"], request["EndpointConfigName"]) == ("retriever", EXECUTION)
    assert stored(Token, world.ledger, _ENDPOINT_ARN).previous_endpoint_config_name == "old-config"


def test_update_rolls_back_on_alarms(event, settings):
    """A canary of at most half, the old fleet kept a while, a timeout above the waits, and alarms."""
    request = update_request(DeployEndpointInput.model_validate(event("deploy_endpoint")), settings, 2)

    policy = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    routing = policy["TrafficRoutingConfiguration"]
    assert (routing["Type"], routing["CanarySize"]) == ("CANARY", {"Type": "CAPACITY_PERCENT", "Value": 10})
    assert policy["TerminationWaitInSeconds"] > 0
    waits = routing["WaitIntervalInSeconds"] + policy["TerminationWaitInSeconds"]
    assert max(600, waits) < policy["MaximumExecutionTimeoutInSeconds"] <= 28_800
    alarms = request["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert [alarm["AlarmName"] for alarm in alarms] == ["retriever-5xx", "retriever-latency"]
    assert (request["RetainAllVariantProperties"], request["RetainDeploymentConfig"]) == (True, False)


def test_a_single_instance_is_replaced_at_once_under_alarms(event, settings):
    """A canary of it would be more than half, which SageMaker refuses; the alarms watch the old fleet's last wait.

    Source: SageMaker API reference, TrafficRoutingConfig, CanarySize.
    """
    request = update_request(DeployEndpointInput.model_validate(event("deploy_endpoint")), settings, 1)

    policy = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert "CanarySize" not in policy["TrafficRoutingConfiguration"]
    assert policy["TerminationWaitInSeconds"] == settings.canary_wait_seconds + settings.termination_wait_seconds
    assert request["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]


@pytest.mark.parametrize(("desired", "kind"), [(1, "ALL_AT_ONCE"), (3, "CANARY")])
def test_the_instances_of_now_decide_on_a_canary(world, deploy, desired, kind):
    """Autoscaling's count is retained, so that is what the canary is a share of."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["ProductionVariants"] = [
        {"VariantName": "AllTraffic", "DesiredInstanceCount": desired, "CurrentInstanceCount": desired}
    ]

    deploy()

    policy = world.sagemaker.request("UpdateEndpoint")["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == kind


@pytest.mark.parametrize(("canary", "termination"), [("0", "1"), ("3600", "3600"), ("300", "120")])
def test_update_timeout_is_within_what_aws_takes(event, canary, termination):
    """600 to 28,800 s, and above the waits, for every allowed setting."""
    waits = {"CANARY_WAIT_SECONDS": canary, "TERMINATION_WAIT_SECONDS": termination}
    settings = Settings.from_env({**ENVIRONMENT, **waits})

    request = update_request(DeployEndpointInput.model_validate(event("deploy_endpoint")), settings, 2)

    limit = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"]
    assert max(600, int(canary) + int(termination)) < limit <= 28_800


def test_deployment_without_alarms_is_refused(world, deploy, monkeypatch):
    """No update goes out that nothing could roll back."""
    monkeypatch.setenv("ROLLBACK_ALARM_NAMES", "")

    with pytest.raises(SettingsError, match="ROLLBACK_ALARM_NAMES: ''; expected at least one"):
        deploy()
    assert world.sagemaker.models == {}


@pytest.mark.parametrize("status", ["Failed", "OutOfService"])
def test_an_endpoint_that_serves_nothing_makes_room(world, deploy, status):
    """SageMaker lets it be deleted and nothing else, so it is, and the endpoint is created anew.

    Source: SageMaker API reference, DescribeEndpoint, EndpointStatus.
    """
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = status

    assert deploy()["Move"] == "create"
    endpoint = world.sagemaker.endpoints["retriever"]
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("Creating", EXECUTION)


def test_an_endpoint_that_is_being_deleted_is_waited_for(world, deploy, monkeypatch):
    """Its name is taken until it is gone; nothing else is asked of SageMaker meanwhile."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = "Deleting"
    monkeypatch.setattr("handlers.endpoints.serving.time.sleep", lambda _: world.sagemaker.endpoints.clear())

    assert deploy()["Move"] == "create"
    assert "DeleteEndpoint" not in world.sagemaker.operations()


def test_a_deletion_that_does_not_end_is_told_in_words(world, deploy, monkeypatch):
    """After minutes the state fails with what to do."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = "Deleting"
    monkeypatch.setattr("handlers.deploy_endpoint.DELETION_SECONDS", 0.0)

    with pytest.raises(EndpointFailedError, match="is still being deleted after 0 s; start the execution again"):
        deploy()


@pytest.mark.parametrize("status", ["InService", "Failed"])
def test_an_endpoint_of_another_stack_is_left_alone(world, deploy, status):
    """Two stacks of one endpoint name: whose it is, and what to do, before anything is created or deleted."""
    world.sagemaker.serve()
    endpoint = world.sagemaker.endpoints["retriever"]
    endpoint["EndpointStatus"] = status
    world.sagemaker.tags[endpoint["EndpointArn"]] = [{"Key": "retriever:Stack", "Value": "pets"}]

    with pytest.raises(EndpointFailedError, match="endpoint 'retriever' is stack 'pets''s; give this stack another"):
        deploy()
    assert {"CreateModel", "UpdateEndpoint", "DeleteEndpoint"}.isdisjoint(world.sagemaker.operations())


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("Updating", "is Updating with 'other-config'; wait until it is InService"),
        ("Creating", "is Creating with 'old-config'; wait until it is InService"),
        ("UpdateRollbackFailed", r"is UpdateRollbackFailed \(no capacity\); delete it with `aws sagemaker delete-end"),
    ],
)
def test_endpoint_in_another_status_is_told_in_words(world, deploy, status, message):
    """Nothing is created beside an endpoint that cannot take it."""
    world.sagemaker.serve()
    world.sagemaker.endpoints["retriever"].update(EndpointStatus=status, FailureReason="no capacity")
    if status == "Updating":
        pending = {"EndpointConfigName": "other-config"}
        world.sagemaker.endpoints["retriever"]["PendingDeploymentSummary"] = pending

    with pytest.raises(EndpointFailedError, match=message):
        deploy()
    assert EXECUTION not in world.sagemaker.models


@pytest.mark.parametrize("status", ["Creating", "Updating", "RollingBack", "InService"])
def test_own_deployment_is_recognised(status):
    """A retried state waits for what its first try began."""
    endpoint = {"EndpointName": "e", "EndpointStatus": status, "EndpointConfigName": "old"}

    assert next_move({**endpoint, "EndpointConfigName": "own"}, "own") == "wait"
    assert next_move({**endpoint, "PendingDeploymentSummary": {"EndpointConfigName": "own"}}, "own") == "wait"


def test_retried_state_waits_for_its_own_update(world, deploy, sent):
    """No second update; the previous config is still known."""
    world.sagemaker.serve()
    deploy("first")

    assert deploy("second")["Move"] == "wait"

    assert world.sagemaker.operations().count("UpdateEndpoint") == 1
    token = stored(Token, world.ledger, _ENDPOINT_ARN)
    assert (token.task_token, token.previous_endpoint_config_name) == ("second", "old-config")
    assert sent.answers == []


def test_retried_state_goes_on_if_its_update_has_ended(world, deploy, sent):
    """The event came with the first token; the second one is answered at once."""
    world.sagemaker.serve()
    deploy("first")
    world.sagemaker.end_update()

    deploy("second")

    operation, params = sent.answers[0]
    assert (operation, params["taskToken"]) == ("SendTaskSuccess", "second")
    assert '"PreviousEndpointConfigName": "old-config"' in params["output"]


def test_refused_update_leaves_no_token(world, deploy):
    """AWS's own words reach the state."""
    world.sagemaker.serve()
    world.sagemaker.faults["UpdateEndpoint"] = "ValidationException"

    with pytest.raises(AwsRequestError, match="UpdateEndpoint: ValidationException"):
        deploy()
    assert Token.get(world.ledger, _ENDPOINT_ARN) is None


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig"])
def test_refused_creation_is_not_taken_for_an_earlier_try(world, deploy, operation):
    """SageMaker says ValidationException for a name that exists and for a wrong request alike; a look decides."""
    world.sagemaker.faults[operation] = "ValidationException"

    with pytest.raises(AwsRequestError, match=f"{operation}: ValidationException"):
        deploy()


def test_denied_creation_is_typed(world, deploy):
    """The role's missing permission is in the message."""
    world.sagemaker.faults["CreateModel"] = "AccessDeniedException"

    with pytest.raises(AwsDeniedError, match="CreateModel: AccessDeniedException"):
        deploy()


def test_config_is_noted_before_it_exists(world, deploy):
    """A crash at any point leaves at most what the next run removes."""
    seen = []
    world.sagemaker.before["CreateModel"] = lambda: seen.append(stored(Deployment, world.ledger, EXECUTION))

    deploy()

    assert seen[0].config_name == EXECUTION


def test_unused_configs_are_removed(world, deploy):
    """The superseded ones, with their models; what serves stays."""
    for name in ("old-config", "older-config"):
        world.sagemaker.serve(config=name)
        Deployment.note(world.ledger, name)
    world.sagemaker.serve(config="old-config")

    assert serving.remove_unused(world.ledger, world.settings) == ["older-config"]

    assert list(world.sagemaker.models) == list(world.sagemaker.endpoint_configs) == ["old-config"]


def test_nothing_is_removed_while_the_endpoint_changes(world):
    """SageMaker forbids to delete a config that an update needs."""
    world.sagemaker.serve()
    Deployment.note(world.ledger, "gone")
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = "Updating"

    assert serving.remove_unused(world.ledger, world.settings) == []
    assert "DeleteModel" not in world.sagemaker.operations()


def test_note_without_config_is_removed(world):
    """A crash between the note and CreateModel leaves a note only."""
    Deployment.note(world.ledger, "never-created")

    assert serving.remove_unused(world.ledger, world.settings) == ["never-created"]
    assert list(Deployment.all(world.ledger)) == []
