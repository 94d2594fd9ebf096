"""Scheduled actions of scalable targets, and what several policies want together."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.account import Account
from embedded_account.autoscaling.activities import Activities
from embedded_account.autoscaling.scaler import Scaler
from embedded_account.autoscaling.targets import Policy, Target
from embedded_account.autoscaling.tracking import TrackedMetric
from embedded_account.metrics import series_key
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import VARIANT, Hosting
from support.waiting import eventually

from embedded_account import control

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture
def target(fast: RunningAccount) -> Iterator[dict[str, str]]:
    """Give a registered variant."""
    hosting = Hosting(fast.client)
    name = hosting.endpoint("scheduled")
    own = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{VARIANT}",
        "ScalableDimension": _DIMENSION,
    }
    fast.client("application-autoscaling").register_scalable_target(**own, MinCapacity=1, MaxCapacity=3)
    yield own
    hosting.delete(name)


def test_a_scheduled_action_changes_the_bounds_and_says_why(fast: RunningAccount, target: dict[str, str]) -> None:
    """At its time the minimum becomes two, a second instance starts, and the activity names the action.

    Source: Application Auto Scaling user guide, "Scheduled scaling for Application Auto Scaling".
    """
    client = fast.client("application-autoscaling")
    at = _now(fast) + timedelta(hours=1)
    client.put_scheduled_action(
        **target,
        ScheduledActionName="morning",
        Schedule=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 2},
    )
    (action,) = client.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])[
        "ScheduledActions"
    ]

    control.advance_clock(fast.info, 3700)

    cause = _cause(client, target)
    bounds = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])
    client.delete_scheduled_action(**target, ScheduledActionName="morning")
    assert action["ScalableTargetAction"] == {"MinCapacity": 2}
    assert cause == "scheduled action name morning was triggered"
    assert (bounds["ScalableTargets"][0]["MinCapacity"], bounds["ScalableTargets"][0]["MaxCapacity"]) == (2, 3)
    with pytest.raises(ClientError, match="No scheduled action found"):
        client.delete_scheduled_action(**target, ScheduledActionName="morning")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Schedule": "rate(1 days)", "ScalableTargetAction": {"MinCapacity": 1}}, "rate"),
        ({"Schedule": "rate(1 day)"}, "needs a Schedule and a ScalableTargetAction"),
        (
            {"Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
            "above the maximum",
        ),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(
    fast: RunningAccount, target: dict[str, str], members: dict[str, Any], message: str
) -> None:
    """Schedule and bounds are checked when the action is put.

    Source: Application Auto Scaling API reference, PutScheduledAction.
    """
    with pytest.raises(ClientError, match=message):
        fast.client("application-autoscaling").put_scheduled_action(**target, ScheduledActionName="bad", **members)


def test_scaling_in_waits_until_every_metric_calls_for_it(bare_account: Account) -> None:
    """With two policies the larger capacity counts; a metric without data forbids to scale in, not to scale out.

    Source: Application Auto Scaling user guide, "How target tracking scaling for Application Auto Scaling works".
    """
    scaler = Scaler(bare_account, Activities(bare_account))
    of_one = _policy("one", 10.0)
    of_two = _policy("two", 10.0)
    target = Target({"MinCapacity": 1, "MaxCapacity": 8}, {"one": of_one, "two": of_two})
    minute = int(bare_account.clock.time()) // 60 * 60 - 60

    _put(bare_account, "one", minute, 1.0)
    silent = scaler.wanted(target, 4)
    _put(bare_account, "two", minute, 20.0)
    loud = scaler.wanted(target, 4)

    assert silent is None
    assert loud == 8


def _policy(name: str, value: float) -> Policy:
    metric = TrackedMetric("Test", name, {}, "Sum")
    return Policy(name, f"arn:{name}", {"TargetValue": value}, metric, {}, None)


def _put(account: Account, name: str, at: int, value: float) -> None:
    account.metrics.put(series_key("Test", name, {}), "None", at, value)


def _now(fast: RunningAccount) -> datetime:
    return datetime.fromisoformat(control.advance_clock(fast.info, 0.001)).astimezone(UTC)


def _cause(client: Any, target: dict[str, str]) -> str:
    def cause() -> str:
        activities = client.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])[
            "ScalingActivities"
        ]
        is_scaled = activities and activities[0]["StatusCode"] == "Successful"
        return str(activities[0]["Cause"]) if is_scaled else ""

    return eventually(cause, 15, "a scaling activity")
