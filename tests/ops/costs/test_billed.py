"""What Cost Explorer says is one sentence, and so is why it says nothing."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.costs import billed
from ops.costs.billed import Billed
from ops.session import Session

_TODAY = date(2026, 11, 30)
_NOTHING = Billed(date(2026, 11, 23), _TODAY, {})


@pytest.mark.parametrize(
    ("by_service", "expected"),
    [
        (
            {"Amazon SageMaker": 19.3, "AWS Lambda": 2.07, "Amazon DynamoDB": 0.001},
            "billed from 2026-11-23 to 2026-11-29, by Cost Explorer: $21 before tax (Amazon SageMaker $19, AWS Lambda "
            "$2.07)",
        ),
        ({}, "activate retriever:Stack and aws:cloudformation:stack-name as cost allocation tags"),
    ],
)
def test_what_was_billed_is_told_by_service(by_service: dict[str, float], expected: str) -> None:
    """The largest first, without fractions of a cent; where no cost bears the tags, how they come to."""
    assert expected in billed.words(replace(_NOTHING, by_service=by_service))


def test_the_request_is_about_the_stack(session: Session) -> None:
    """Seven whole days of what bears the stack's tags; an account without costs has none."""
    assert billed.billed(session, 6.5, _TODAY) == _NOTHING


def test_days_and_services_are_added_up(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of the same service on several days are one sum."""
    days = [[("AWS Lambda", "0.5"), ("Amazon SageMaker", "2")], [("AWS Lambda", "0.25")], []]
    answer = {
        "ResultsByTime": [
            {"Groups": [{"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": amount}}} for name, amount in day]}
            for day in days
        ]
    }
    client: Any = type("Client", (), {"get_cost_and_usage": lambda _self, **_: answer})()
    monkeypatch.setattr(Session, "quick_client", lambda *_: client)

    assert billed.billed(session, 7, _TODAY).by_service == {"AWS Lambda": 0.75, "Amazon SageMaker": 2.0}


def test_who_may_not_ask_is_told(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The permission is named, and the command goes on."""

    def denied(*_: object) -> Billed:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetCostAndUsage")

    monkeypatch.setattr(billed, "billed", denied)

    assert billed.sentence(session, 7, _TODAY) == (
        "what AWS has billed is not known: Cost Explorer did not answer (not allowed to ask: it takes "
        "ce:GetCostAndUsage)"
    )
