"""Off when idle: what takes the endpoint away, what brings it back, and whoever comes in between."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import aws, deploy_endpoint, standby
from handlers.contract.errors import AwsPendingError, AwsUnavailableError, InputError
from handlers.endpoints import idleness, serving
from handlers.endpoints.standby import START_SECONDS
from handlers.executions.redeployments import serving_config
from handlers.ledger import Deployment, Scaling, Standby, Turn
from tests.handlers.cases import idle
from tests.handlers.environment import EXECUTION
from tests.handlers.stored import stored


@pytest.fixture
def ask(world, lambda_context):
    """Give a call of the function."""
    return lambda **event: standby.handler(event, lambda_context)


@pytest.fixture
def endpoint(world, event):
    """Give an endpoint on instances that serves and has been idle for long."""
    idle(world, event)
    return world.sagemaker.endpoints["retriever"]


def _requests_at(world, *times):
    data: Any = [
        {"MetricName": "Invocations", "Timestamp": at, "Value": 1.0, "Dimensions": _DIMENSIONS} for at in times
    ]
    aws.cloudwatch().put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


_DIMENSIONS = [{"Name": "EndpointName", "Value": "retriever"}, {"Name": "VariantName", "Value": "AllTraffic"}]


def _targets():
    return aws.autoscaling().describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]


def test_idle_endpoint_goes_and_all_else_stays(world, ask, endpoint):
    """Model and config are kept, its scaling is noted, and the row says since when nobody asked."""
    assert ask(Sweep=True)["State"] == "stopping"

    row = stored(Standby, world.ledger, "retriever")
    assert (world.sagemaker.endpoints, row.config_name, row.by_hand) == ({}, "old-config", False)
    assert row.idle_since
    assert (_targets(), stored(Scaling, world.ledger, "retriever").target["MaxCapacity"]) == ([], 4)
    assert serving_config(world.ledger, world.settings) == "old-config"
    Deployment.note(world.ledger, "old-config")
    assert serving.remove_unused(world.ledger, world.settings) == []


@pytest.mark.parametrize("minutes", [5, 59])
def test_endpoint_with_a_request_stays(world, ask, endpoint, minutes):
    """StopWhenIdleMinutes counts from the last one."""
    _requests_at(world, datetime.now(UTC) - timedelta(minutes=minutes))

    assert ask(Sweep=True)["State"] == "serving"


def test_idleness_counts_from_the_last_request(world, endpoint):
    """An hour and a half ago, at an hour of patience."""
    at = datetime.now(UTC).replace(second=0, microsecond=0)
    _requests_at(world, at - timedelta(minutes=100), at - timedelta(minutes=90))

    since = datetime.fromisoformat(idleness.idle_since(endpoint, at, world.settings))
    assert abs(since - (at - timedelta(minutes=89))) <= timedelta(minutes=1)


@pytest.mark.parametrize("change", ["LastModifiedTime", "EndpointStatus", "ProductionVariants"])
def test_what_changes_or_costs_nothing_stays(world, ask, endpoint, change):
    """Scaled a moment ago; in an update; on serverless containers."""
    endpoint[change] = {
        "LastModifiedTime": datetime.now(UTC),
        "EndpointStatus": "Updating",
        "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentServerlessConfig": {"MemorySizeInMB": 1024}}],
    }[change]

    ask(Sweep=True)

    assert list(world.sagemaker.endpoints) == ["retriever"]


@pytest.mark.parametrize("asked", ["Sweep", "Stop"])
def test_endpoint_stays_while_an_execution_runs(world, ask, endpoint, asked):
    """It may deploy to it in any moment; scaling is as it was."""
    world.start_execution()
    Turn.take(world.ledger, EXECUTION)

    assert ask(**{asked: True})["Words"].startswith("it stays: an execution runs")
    assert (Standby.of(world.ledger, "retriever").is_away, len(_targets())) == (False, 1)


def test_endpoint_that_no_run_put_there_stays(world, ask, endpoint):
    """A config by hand could not be told from one that was never checked."""
    endpoint["EndpointConfigName"] = "by-hand"

    assert "no run has put 'by-hand' into production" in ask(Stop=True)["Words"]


def test_stop_that_meets_a_change_leaves_all_as_it_was(world, ask, endpoint):
    """SageMaker refuses to delete what it scales just now."""
    world.sagemaker.faults_once["DeleteEndpoint"] = [("ValidationException", "Cannot update in-progress endpoint")]

    assert ask(Stop=True)["State"] == "serving"
    assert (Standby.of(world.ledger, "retriever").is_away, len(_targets())) == (False, 1)


def test_prediction_starts_it_once(world, ask, endpoint):
    """However many come; each is told how long it takes, and the endpoint has its config and tags again."""
    world.sagemaker.tags[endpoint["EndpointArn"]] = [{"Key": "retriever:Stack", "Value": "retriever"}]
    ask(Sweep=True)

    answers = [ask(Wake=True) for _ in range(3)]

    assert {answer["State"] for answer in answers} == {"starting"}
    assert START_SECONDS - 30 < answers[0]["RetryAfterSeconds"] <= START_SECONDS
    assert world.sagemaker.operations().count("CreateEndpoint") == 1
    request = world.sagemaker.request("CreateEndpoint")
    assert (request["EndpointConfigName"], request["Tags"][0]["Value"]) == ("old-config", "retriever")


def test_what_is_back_scales_again_and_its_start_is_known(world, ask, endpoint):
    """The next who waits is told what this start took."""
    ask(Sweep=True)
    ask(Wake=True)
    new = world.sagemaker.endpoints["retriever"]
    new.update(LastModifiedTime=new["CreationTime"] + timedelta(seconds=200))
    world.sagemaker.end_update()

    assert ask(**{"detail-type": "SageMaker Endpoint State Change"})["State"] == "serving"

    row = stored(Standby, world.ledger, "retriever")
    assert (row.is_away, row.start_seconds, [one["MaxCapacity"] for one in _targets()]) == (False, 200, [4])


def test_prediction_does_not_start_what_a_person_stopped(world, ask, endpoint):
    """A person does."""
    ask(Stop=True)

    told = ask(Wake=True)
    assert (told["State"], told["RetryAfterSeconds"], world.sagemaker.endpoints) == ("stopped", 0, {})
    assert ask(Start=True)["State"] == "starting"


def test_prediction_during_the_deletion_is_served_after_it(world, ask, endpoint):
    """It is noted that someone asks; the sweep or the next caller creates it once the name is free."""
    going = dict(endpoint, EndpointStatus="Deleting")
    ask(Sweep=True)
    world.sagemaker.endpoints["retriever"] = going

    assert (ask(Wake=True)["State"], "CreateEndpoint" in world.sagemaker.operations()) == ("stopping", False)

    world.sagemaker.endpoints.clear()
    assert ask(Sweep=True)["State"] == "starting"


def test_a_start_that_fails_is_told_and_tried_again(world, ask, endpoint):
    """No instance was to be had: what failed is removed, and the next caller is its next try."""
    ask(Sweep=True)
    ask(Wake=True)
    world.sagemaker.end_update(status="Failed", FailureReason="InsufficientInstanceCapacity")

    told = ask(Sweep=True)

    assert (told["State"], "InsufficientInstanceCapacity" in told["Words"]) == ("stopped", True)
    assert world.sagemaker.endpoints == {}
    Standby.of(world.ledger, "retriever").change(world.ledger, {"tried_at": 0})
    assert ask(Wake=True)["State"] == "starting"


def test_stop_that_was_cut_off_is_forgotten(world, ask, endpoint):
    """Between row and deletion: after a quarter of an hour the endpoint is what it was."""
    world.sagemaker.faults["DeleteEndpoint"] = "InternalFailure"
    with pytest.raises(AwsUnavailableError, match="DeleteEndpoint: InternalFailure"):
        ask(Stop=True)
    ask(Sweep=True)
    assert Standby.of(world.ledger, "retriever").is_away

    Standby.of(world.ledger, "retriever").change(world.ledger, {"taken_at": "2026-01-01T00:00:00+00:00"})
    ask(Sweep=True)

    assert (Standby.of(world.ledger, "retriever").is_away, len(_targets())) == (False, 1)


def test_deployment_takes_the_place_of_what_is_away(world, ask, event, lambda_context, endpoint):
    """The new model's endpoint is created, and what was away is what it would be set back to."""
    ask(Sweep=True)

    deploy_endpoint.handler(event("deploy_endpoint"), lambda_context)
    world.sagemaker.end_update()
    ask(**{"detail-type": "SageMaker Endpoint State Change"})

    assert world.sagemaker.endpoints["retriever"]["EndpointConfigName"] == EXECUTION
    assert stored(Deployment, world.ledger, EXECUTION).previous_config_name == "old-config"
    assert not Standby.of(world.ledger, "retriever").is_away


def test_deployment_waits_for_what_a_prediction_has_started(world, ask, event, lambda_context, endpoint, monkeypatch):
    """The state is repeated until SageMaker takes an update."""
    ask(Sweep=True)
    ask(Wake=True)
    monkeypatch.setattr("handlers.deploy_endpoint.DELETION_SECONDS", 0.0)

    with pytest.raises(AwsPendingError, match="is being started; the state is repeated"):
        deploy_endpoint.handler(event("deploy_endpoint"), lambda_context)


def test_deployment_that_a_start_overtakes_is_repeated(world, ask, event, lambda_context, endpoint):
    """Both create the endpoint in the same second; the state comes again and finds it."""
    ask(Sweep=True)
    world.sagemaker.before["CreateEndpoint"] = lambda: ask(Wake=True)

    with pytest.raises(AwsPendingError, match="it was started meanwhile, and the state is repeated"):
        deploy_endpoint.handler(event("deploy_endpoint"), lambda_context)


def test_an_unknown_event_is_refused(ask):
    """In one sentence."""
    with pytest.raises(InputError, match="none of Sweep, Stop, Start and Wake"):
        ask(Nonsense=True)
