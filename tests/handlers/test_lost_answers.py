"""An answer is lost on its way and the request is sent once more: what comes of it is what comes of one request."""

import re
from typing import Any

import pytest

from tests.handlers.cases import CASES, RARE, calls_of, facts, only_reads

_ALL = CASES | {name: rare.case for name, rare in RARE.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", _ALL)
def test_lost_answer_changes_nothing(name, scene, chaos, lambda_context):
    """At every call that changes something: the same result, and the same account, as without a fault."""
    case = _ALL[name]
    with scene(case) as (world, payload):
        expected = _untimed(case.handler(payload, lambda_context)), facts(world)

    calls = calls_of(case, scene, chaos, lambda_context)
    for at, operation in [(at, call) for at, call in enumerate(calls) if not only_reads(call)]:
        with scene(case) as (world, payload):
            world.sagemaker.shows_pending = False
            chaos.plan(at, lambda: None, carried_out=True)
            result = _untimed(case.handler(payload, lambda_context))
            chaos.plan(-1, None)

            assert (result, facts(world)) == expected, f"answer {at}, of {operation}, was lost"


def _untimed(result: Any) -> Any:
    """Return a result without the seconds that are still to be waited: they grow fewer while it is asked twice."""
    if not isinstance(result, dict) or "RetryAfterSeconds" not in result:
        return result
    return result | {"RetryAfterSeconds": 0, "Words": re.sub(r"\d+ s$", "N s", result["Words"])}
