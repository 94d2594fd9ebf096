"""The shadow's verdict: what refuses a model on copies of live requests, and what does not."""

import pytest

from handlers.contract.settings import Settings
from handlers.gate.shadow import MIN_ANSWERS, ShadowEvidence, Traffic, shadow_opinion
from tests.handlers.environment import ENVIRONMENT

_SETTINGS = Settings.from_env(ENVIRONMENT)


def _evidence(agreeing=95, compared=100, latency=12.0, errors=0, serving_errors=0):
    serving = Traffic(num_requests=200, num_errors=serving_errors, mean_latency_ms=10.0)
    candidate = Traffic(num_requests=100, num_errors=errors, mean_latency_ms=latency)
    return ShadowEvidence(serving, candidate, compared, agreeing)


def test_a_model_that_does_as_the_other_passes_with_its_numbers():
    """Agreement, latency and errors are evidence that a person reads."""
    opinion = shadow_opinion(_evidence(), _SETTINGS)

    assert opinion.reasons == []
    assert opinion.evidence == [
        "the shadow named the class of the model that serves for 95 of 100 requests",
        "the shadow took 12.0 ms a request to 10.0 ms",
        "0 of 100 copies failed, 0 of 200 requests",
    ]


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (_evidence(agreeing=60), "for 60 of 100 requests, too few for ShadowMinAgreement 0.8"),
        (_evidence(latency=20.1), "took 20.1 ms a request to 10.0 ms, over ShadowMaxLatencyRatio 2"),
        (_evidence(errors=1), "1 of 100 copies failed, 0 of 200 requests"),
        (_evidence(compared=3, agreeing=3, errors=1), "1 of 100 copies failed, 0 of 200 requests"),
    ],
)
def test_a_model_that_does_worse_is_refused_by_one_reason(evidence, reason):
    """Too little agreement, too slow, or failures that the other model does not have, however few there are."""
    (told,) = shadow_opinion(evidence, _SETTINGS).reasons

    assert reason in told


def test_failures_that_both_have_are_no_reason():
    """Callers who send what is no picture to both are answered with errors by both."""
    assert shadow_opinion(_evidence(errors=2, serving_errors=4), _SETTINGS).reasons == []


def test_chance_alone_refuses_nothing():
    """79 of 100 is below 0.8, and what chance makes of it every second time."""
    assert shadow_opinion(_evidence(agreeing=79), _SETTINGS).reasons == []


def test_too_few_answers_leave_the_gates_verdict():
    """Said with both numbers; neither agreement nor latency is held against so few."""
    opinion = shadow_opinion(_evidence(compared=MIN_ANSWERS - 1, agreeing=0, latency=99.0), _SETTINGS)

    assert opinion.reasons == []
    assert "29 answers of the shadow to compare, of 100 copies; below 30 the gate's verdict" in opinion.evidence[0]


def test_nothing_asked_is_too_few():
    """An endpoint that nobody calls meanwhile has no latency to divide by."""
    nothing = ShadowEvidence(Traffic(), Traffic(), 0, 0)

    assert shadow_opinion(nothing, _SETTINGS).reasons == []
