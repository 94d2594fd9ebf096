"""Shadow variants: copies of requests go to a second model, whose answers nobody gets.

Source: SageMaker developer guide, "Shadow variants"; SageMaker API reference, CreateEndpointConfig.
"""

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from embedded_account.sagemaker.endpoints.endpoint import Variant
from embedded_account.sagemaker.endpoints.shadows import share
from support.counted import DAY, whole_span
from support.hosted import VARIANT, Hosting
from support.waiting import eventually

_SHADOW = "Candidate"


@pytest.fixture(scope="module")
def hosting(account: RunningAccount) -> Hosting:
    """Make endpoints in the shared account."""
    return Hosting(account.client)


def _with_shadow(hosting: Hosting, **members: Any) -> str:
    """Make a configuration of two models, the second as a shadow of the first; return its name."""
    variants = [_variant(hosting, name) for name in ("serves", "candidate")]
    name = f"with-shadow-{variants[1]['ModelName']}"
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=variants[:1],
        ShadowProductionVariants=[variants[1] | {"VariantName": _SHADOW} | members],
    )
    return name


def _variant(hosting: Hosting, model_name: str) -> dict[str, Any]:
    made = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=hosting.config(model_name))
    return dict(made["ProductionVariants"][0])


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> Iterator[str]:
    """Give an endpoint whose requests are all copied."""
    name = "shadowed"
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=_with_shadow(hosting))
    assert hosting.settled(name)["EndpointStatus"] == "InService"
    yield name
    hosting.delete(name)


def _copies(account: RunningAccount, endpoint: str) -> float:
    """Return how many requests the shadow variant has had."""
    return _sum(account, endpoint, _SHADOW, "Invocations")


def _sum(account: RunningAccount, endpoint: str, variant: str, metric: str) -> float:
    """Return what a variant has counted."""
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        **whole_span(),
        Period=DAY,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def test_every_request_is_copied_and_answered_once(account: RunningAccount, hosting: Hosting, endpoint: str) -> None:
    """The caller gets the production variant's answer; both have metrics of their own."""
    before = _copies(account, endpoint)

    answers = [hosting.invoke(endpoint) for _ in range(5)]

    assert {answer["InvokedProductionVariant"] for answer in answers} == {VARIANT}
    assert {json.loads(answer["Body"].read())["model"] for answer in answers} == {"serves"}
    eventually(lambda: _copies(account, endpoint) == before + 5, 10, "five copies")


def test_the_description_names_the_shadow(hosting: Hosting, endpoint: str) -> None:
    """It stands beside the production variants, and no caller can ask for its answers."""
    described = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)

    assert [one["VariantName"] for one in described["ProductionVariants"]] == [VARIANT]
    (shadow,) = described["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"]) == (_SHADOW, 1)
    with pytest.raises(ClientError, match=f"Variant {_SHADOW} for endpoint {endpoint} not found"):
        hosting.invoke(endpoint, TargetVariant=_SHADOW)


def test_no_caller_waits_for_a_shadow_or_fails_with_it(account: RunningAccount, hosting: Hosting) -> None:
    """One that fails after two seconds: the answer is there before, and the failure is the shadow's alone."""
    name = "shadow-fails"
    serves, broken = (
        hosting.sagemaker.describe_endpoint_config(EndpointConfigName=one)["ProductionVariants"][0]
        for one in (hosting.config("serves"), hosting.config("broken", environment={"FAILS_AFTER": "2"}))
    )
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[serves],
        ShadowProductionVariants=[broken | {"VariantName": _SHADOW}],
    )
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    hosting.settled(name)

    before = time.monotonic()
    answer = json.loads(hosting.invoke(name)["Body"].read())
    seconds = time.monotonic() - before
    eventually(lambda: _sum(account, name, _SHADOW, "Invocation5XXErrors") == 1, 10, "the shadow's failure")
    hosting.delete(name)

    assert (answer["model"], seconds < 2) == ("serves", True)
    assert _sum(account, name, VARIANT, "Invocation5XXErrors") == 0


def test_an_update_takes_the_shadow_away(account: RunningAccount, hosting: Hosting) -> None:
    """Without weight it gets no copies; a configuration without it ends its instances."""
    name = "shadow-leaves"
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=_with_shadow(hosting))
    hosting.settled(name)
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": _SHADOW, "DesiredWeight": 0.0}]
    )
    hosting.settled(name)

    hosting.invoke(name)
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=hosting.config("alone"))
    described = hosting.settled(name)
    answer = json.loads(hosting.invoke(name)["Body"].read())
    hosting.delete(name)

    assert "ShadowProductionVariants" not in described
    assert answer["model"] == "alone"
    assert _copies(account, name) == 0


def test_a_shadow_beside_two_variants_is_refused(hosting: Hosting) -> None:
    """An endpoint with a shadow has one production variant."""
    variants = [_variant(hosting, "first") | {"VariantName": name} for name in ("a", "b", "c")]

    with pytest.raises(ClientError, match="1 shadow variants with 2 production variants"):
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName="refused", ProductionVariants=variants[:2], ShadowProductionVariants=variants[2:]
        )


@pytest.mark.parametrize(
    ("production", "shadow", "wanted"), [(1.0, 0.5, 0.5), (2.0, 1.0, 0.5), (1.0, 3.0, 1.0), (0.0, 1.0, 0.0)]
)
def test_the_share_is_the_ratio_of_the_weights(production: float, shadow: float, wanted: float) -> None:
    """A shadow of half the production variant's weight gets a copy of every second request, never more than all."""
    weights = [cast("Variant", SimpleNamespace(weight=weight)) for weight in (production, shadow)]

    assert share(*weights) == wanted
