"""JudgeShadow: a verdict in words, or a refusal in one sentence."""

import pytest

from handlers.contract.errors import ShadowRefusedError
from handlers.gate.shadow import ShadowEvidence, Traffic
from handlers.judge_shadow import handler, judge


def _evidence(agreeing):
    return ShadowEvidence(Traffic(100, 0, 10.0), Traffic(100, 0, 15.0), 100, agreeing)


def test_a_verdict_has_its_numbers_and_words(settings):
    """Status and record show them."""
    verdict = judge(_evidence(90), settings)

    assert (verdict.num_copies, verdict.num_compared, verdict.num_agreeing) == (100, 100, 90)
    assert verdict.latency_ratio == 1.5
    assert verdict.words.startswith("the shadow named the class of the model that serves for 90 of 100 requests; ")


def test_a_refusal_is_one_sentence_with_the_next_step(settings):
    """It says what was seen, that nothing changed for callers, and what to do."""
    with pytest.raises(
        ShadowRefusedError, match=r"for 40 of 100 .+ 0\.8; what served before serves on, .+`deploy.py up`"
    ):
        judge(_evidence(40), settings)


def test_a_shadow_that_nobody_asked_is_left_to_the_gate(world, event, lambda_context):
    """No answers in S3 and no measurements are few answers, not an error."""
    told = handler(event("judge_shadow"), lambda_context)

    assert told["NumCompared"] == 0
    assert "below 30 the gate's verdict on the test pictures stands" in told["Words"]
