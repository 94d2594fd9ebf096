"""Off when idle: an endpoint that nobody asks goes, and the next prediction brings it back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.ledger import Turn
from tests.flow.deployment import Deployment
from tests.flow.load import PICTURE_EVENT
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]

_ID = "endpoint/frozen/variant/AllTraffic"


def _ask(stack: Deployment, **event: Any) -> dict[str, Any]:
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["StandbyFunctionName"], Payload=json.dumps(event).encode()
    )
    return dict(json.load(answer["Payload"]))


def _scaled(stack: Deployment) -> list[str]:
    listed = stack.client("application-autoscaling").describe_scheduled_actions(
        ServiceNamespace="sagemaker", ResourceId=_ID
    )
    return [one["ScheduledActionName"] for one in listed["ScheduledActions"]]


def _predicted(stack: Deployment) -> dict[str, Any] | None:
    answer = stack.predict(json.loads(PICTURE_EVENT))
    assert answer["statusCode"] in (200, 503), answer
    return answer if answer["statusCode"] == 200 else None


def _stopped(stack: Deployment) -> dict[str, Any] | None:
    answer = stack.predict(json.loads(PICTURE_EVENT))
    return None if "Retry-After" in answer["headers"] else answer


@pytest.fixture
def turn(frozen: Deployment) -> Any:
    """Let an execution have its turn."""
    table, dynamodb = frozen.outputs["TableName"], frozen.client("dynamodb")
    key = {"Id": {"S": Turn.key_of(Turn.NAME)}}
    at = {"N": str(int(datetime.now(UTC).timestamp()))}
    dynamodb.put_item(TableName=table, Item=key | {"ExecutionName": {"S": "just-begun"}, "TakenAt": at})
    yield
    dynamodb.delete_item(TableName=table, Key=key)


def test_an_endpoint_stays_while_an_execution_has_its_turn(frozen: Deployment, turn: Any) -> None:
    """It may deploy in any moment."""
    assert _ask(frozen, Stop=True)["State"] == "serving"


@pytest.fixture
def evening(frozen: Deployment) -> Any:
    """Give the endpoint a scheduled action, which is somebody's own, and take it away again."""
    scaling = frozen.client("application-autoscaling")
    named = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": _ID,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ScheduledActionName": "evening",
    }
    action = {"MinCapacity": 1, "MaxCapacity": 1}
    scaling.put_scheduled_action(**named, Schedule="cron(0 22 * * ? *)", ScalableTargetAction=action)
    yield
    scaling.delete_scheduled_action(**named)


@pytest.mark.usefixtures("evening")
def test_an_idle_endpoint_comes_back_for_a_prediction(frozen: Deployment) -> None:
    """A week without a request, 503 with the seconds to wait, and the same model, scaled as before, soon after."""
    swept = _ask(frozen, Sweep=True, At=(datetime.now(UTC) + timedelta(days=8)).isoformat())
    page = frozen.run("status").stdout
    refused = frozen.predict(json.loads(PICTURE_EVENT))
    answered = wait_for(lambda: _predicted(frozen), 60)

    assert swept["State"] == "stopping"
    assert (refused["statusCode"], refused["body"]["error"]) == (503, "EndpointStopped")
    assert 1 <= int(refused["headers"]["Retry-After"]) <= 300
    assert "idle since" in page
    assert answered["body"]["predictions"]
    assert wait_for(lambda: "evening" in _scaled(frozen), 30)


def test_a_person_stops_it_and_starts_it(frozen: Deployment) -> None:
    """No prediction starts it meanwhile."""
    frozen.run("endpoint", "stop")
    refused = wait_for(lambda: _stopped(frozen), 30)  # what the function was told lately holds for seconds
    started = frozen.run("endpoint", "start").stderr

    assert refused["statusCode"] == 503
    assert "stopped by hand" in refused["body"]["message"]
    assert "it serves, after" in started
    assert _predicted(frozen)
