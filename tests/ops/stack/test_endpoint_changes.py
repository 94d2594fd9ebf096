"""ops/stack/endpoint_changes.py: after `up`, how a changed parameter comes to the endpoint that serves."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers.ledger import Deployment, Run
from ops.stack import endpoint_changes, endpoints

_SESSION: Any = SimpleNamespace(flags=" --local", dynamodb=None)
_STACK: Any = SimpleNamespace(
    output=lambda name: "retriever", parameters={"ScalingMinInstances": "1", "ScalingMaxInstances": "4"}
)


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let an endpoint serve the model of a run."""
    serving = SimpleNamespace(name="retriever", status="InService", config_name="pets-1", num_instances=2)
    monkeypatch.setattr(endpoints, "find", lambda session, name: serving)
    monkeypatch.setattr(Deployment, "get", lambda ledger, name: None)
    monkeypatch.setattr(Run, "get", lambda ledger, name: Run(name, dataset="red birds") if name == "pets-1" else None)
    return serving


def test_a_changed_instance_type_comes_with_a_deployment() -> None:
    """The command that makes one now, without training, is said; parameters of other things are not."""
    changed = ["ScalingMaxInstances", "EndpointInstanceType", "AccuracyThreshold"]

    (sentence,) = endpoint_changes.sentences(_SESSION, _STACK, changed)

    assert sentence == (
        "endpoint 'retriever' takes EndpointInstanceType, ScalingMaxInstances with its next deployment; now, without "
        "training: `deploy.py start 'red birds' --local`"
    )


def test_what_the_endpoint_does_not_take_says_nothing() -> None:
    """The gate's parameters are the next run's, and a new name has a sentence of its own."""
    assert endpoint_changes.sentences(_SESSION, _STACK, ["AccuracyThreshold", "EndpointName"]) == []


def test_where_no_run_serves_nothing_is_said(endpoint: Any) -> None:
    """Deployed by hand, or failed: the next run deploys by the parameters of now."""
    endpoint.config_name = "by-hand"
    assert endpoint_changes.sentences(_SESSION, _STACK, ["EndpointInstanceType"]) == []
    endpoint.config_name, endpoint.status = "pets-1", "Failed"
    assert endpoint_changes.sentences(_SESSION, _STACK, ["EndpointInstanceType"]) == []


def test_a_changed_count_says_whose_it_is() -> None:
    """It would change nothing for ever; the least of autoscaling is what is meant."""
    (sentence,) = endpoint_changes.sentences(_SESSION, _STACK, ["EndpointInstanceCount"])

    assert sentence == (
        "endpoint 'retriever' keeps its 2 instances: EndpointInstanceCount is a new endpoint's, and autoscaling goes "
        "from 1 to 4; for more at all times `deploy.py up --parameter ScalingMinInstances=N --local` and then "
        "`deploy.py start 'red birds' --local`"
    )


def test_a_serverless_endpoint_has_no_count() -> None:
    """Its containers come with the requests."""
    stack: Any = SimpleNamespace(output=_STACK.output, parameters={"EndpointKind": "serverless"})

    assert endpoint_changes.sentences(_SESSION, stack, ["EndpointInstanceCount"]) == []
