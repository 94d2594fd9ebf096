"""The endpoint of a measurement: like the live one with one instance, and gone afterwards whatever happened."""

from contextlib import AbstractContextManager
from typing import Any

import pytest

from ops.errors import LoadError
from ops.scaling import temporary
from ops.session import Session

_ROLE = "arn:aws:iam::123456789012:role/serving"


@pytest.fixture
def live(session: Session) -> Session:
    """Give a session with a live endpoint of three instances."""
    variant = {"VariantName": "AllTraffic", "ModelName": "m", "InitialInstanceCount": 3, "InstanceType": "ml.c5.xlarge"}
    client = session.client("sagemaker")
    client.create_model(ModelName="m", ExecutionRoleArn=_ROLE, PrimaryContainer={"Image": "image"})
    client.create_endpoint_config(EndpointConfigName="run-1", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="flowers", EndpointConfigName="run-1")
    return session


def test_it_is_the_live_one_with_one_instance(live: Session) -> None:
    """Same model and type; it bears the stack's tag, so that `down` removes it too."""
    with _like_flowers(live) as (name, seconds):
        described = live.sagemaker.describe_endpoint(EndpointName=name)
        config = live.sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        tags = live.sagemaker.list_tags(ResourceArn=described["EndpointArn"])["Tags"]

    [variant] = config["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"], variant["InitialInstanceCount"]) == ("m", "ml.c5.xlarge", 1)
    assert {"Key": "retriever:Stack", "Value": "flowers"} in tags
    assert seconds >= 0
    assert _names(live) == (["flowers"], ["run-1"])


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_it_is_gone_whatever_happened(live: Session, end: type[BaseException]) -> None:
    """Ctrl-C, a failure, an exit."""
    with pytest.raises(end, match=r"^stopped$"), _like_flowers(live):
        raise end("stopped")

    assert _names(live) == (["flowers"], ["run-1"])


def test_one_that_a_crash_has_left_is_removed(live: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """By the next measurement, which says so; until then `status` tells of it."""
    left = _like_flowers(live)
    left.__enter__()  # and nothing ends it
    assert "is billed: a measurement runs, or was cut short" in temporary.sentences(live)[0]

    with _like_flowers(live):
        pass

    assert "which a measurement that was cut short had left" in capsys.readouterr().err
    assert _names(live) == (["flowers"], ["run-1"])
    assert temporary.sentences(live) == []


def test_one_that_does_not_start_is_removed(live: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has SageMaker's reason."""
    make = live.sagemaker.create_endpoint
    monkeypatch.setattr(live.sagemaker, "create_endpoint", lambda **asked: make(**asked) and _fail(live))

    with (
        pytest.raises(LoadError, match="endpoint 'flowers-measure': Failed: no capacity"),
        _like_flowers(live),
    ):
        pytest.fail("it was given")

    assert _names(live) == (["flowers"], ["run-1"])


def test_without_a_live_endpoint_nothing_is_made(session: Session) -> None:
    """There is no model to measure."""
    with pytest.raises(LoadError, match=r"'flowers': there is none; .*`deploy.py endpoint start --stack"):
        temporary.variant_of(session, "flowers")


def test_a_serverless_one_is_told_before_anything_is_made(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no instances to be counted; nothing was started, so nothing is removed."""
    variant = {"VariantName": "AllTraffic", "ModelName": "m"}
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    client = session.client("sagemaker")
    client.create_model(ModelName="m", ExecutionRoleArn=_ROLE, PrimaryContainer={"Image": "image"})
    client.create_endpoint_config(EndpointConfigName="run-1", ProductionVariants=[variant | serverless])
    client.create_endpoint(EndpointName="flowers", EndpointConfigName="run-1")

    with pytest.raises(LoadError, match="'flowers': is serverless and has no instances to measure"):
        _like_flowers(session)

    assert capsys.readouterr().err == ""


def _like_flowers(session: Session) -> AbstractContextManager[tuple[str, float]]:
    return temporary.endpoint(session, temporary.variant_of(session, "flowers"))


def _fail(session: Session) -> Any:
    from moto.sagemaker.models import sagemaker_backends

    made = sagemaker_backends[session.account_id][session.region].endpoints["flowers-measure"]
    vars(made).update(endpoint_status="Failed", failure_reason="no capacity")


def _names(session: Session) -> tuple[list[str], list[str]]:
    client = session.sagemaker
    return (
        [each["EndpointName"] for each in client.list_endpoints()["Endpoints"]],
        [each["EndpointConfigName"] for each in client.list_endpoint_configs()["EndpointConfigs"]],
    )
