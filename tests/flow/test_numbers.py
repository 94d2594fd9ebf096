"""What is chosen by numbers, on the second stack: a measurement's own endpoint, containers in place of instances."""

import json
from pathlib import Path

import pytest

from tests.flow.deployment import Deployment
from tests.flow.load import PICTURE_EVENT

pytestmark = [pytest.mark.slow, pytest.mark.account]


def _endpoints(stack: Deployment) -> list[str]:
    return sorted(one["EndpointName"] for one in stack.client("sagemaker").list_endpoints()["Endpoints"])


def test_a_measurement_leaves_no_endpoint(frozen: Deployment, dataset: Path) -> None:
    """An endpoint of its own comes up with the model, is asked, answers no request in a millisecond, and is removed."""
    before = _endpoints(frozen)

    done = frozen.run("measure", str(dataset / "test"), "--p95", "1", "--seconds", "1", check=False)

    assert done.returncode == 1
    assert "starting endpoint 'frozen-measure': one ml.m5.large" in done.stderr
    assert "no rate holds 1 ms: give a larger --p95" in done.stderr
    assert _endpoints(frozen) == before


def test_containers_take_the_place_of_instances(frozen: Deployment) -> None:
    """By `up` and `start`, without training: predictions are answered."""
    frozen.run("up", "--parameter", "EndpointKind=serverless")
    frozen.run("start", "colours", "--watch")

    answer, page = frozen.predict(json.loads(PICTURE_EVENT)), frozen.run("status").stdout

    assert answer["statusCode"] == 200
    assert "serverless containers of 3072 MB, at most 5 at one time" in page
    assert "StartTrainingJob" not in page
