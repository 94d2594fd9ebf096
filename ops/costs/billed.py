"""What AWS has billed, as Cost Explorer tells by the stack's tags; a request costs a cent, and days come a day late.

Source: Cost Management user guide, "Activating user-defined cost allocation tags": before that no cost bears a tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any

from handlers.contract.names import STACK_TAG
from ops.preflight.readings import UnansweredError, ask
from ops.prices.words import money
from ops.session import Session

PERMISSION = "ce:GetCostAndUsage"
REQUEST_DOLLARS = 0.01
_CLOUDFORMATION_TAG = "aws:cloudformation:stack-name"


@dataclass(frozen=True)
class Billed:
    """What Cost Explorer has of the stack, by service."""

    start: date
    end: date  # not included
    by_service: dict[str, float]

    @property
    def dollars(self) -> float:
        """Return the sum."""
        return sum(self.by_service.values())


def sentence(session: Session, days: float, today: date) -> str:
    """Return what AWS has billed in the last `days`, or why that is not known, in one sentence."""
    if session.is_local:
        return "billed: nothing, this is the embedded account; the table has what AWS would bill"
    try:
        return words(ask(PERMISSION, lambda: billed(session, days, today)))
    except UnansweredError as error:
        return f"what AWS has billed is not known: Cost Explorer did not answer ({error})"


def words(known: Billed) -> str:
    """Return it in one sentence, with what to do where no cost bears the tags."""
    time = f"from {known.start} to {known.end - timedelta(days=1)}"
    if not known.dollars:
        return (
            f"Cost Explorer has nothing {time} that bears the stack's tags; activate {STACK_TAG} and "
            f"{_CLOUDFORMATION_TAG} as cost allocation tags in the Billing console; costs bear them from then on"
        )
    ordered = sorted(known.by_service.items(), key=lambda entry: -entry[1])
    parts = ", ".join(f"{service} {money(dollars)}" for service, dollars in ordered if dollars >= REQUEST_DOLLARS)
    return f"billed {time}, by Cost Explorer: {money(known.dollars)} before tax" + (f" ({parts})" if parts else "")


def billed(session: Session, days: float, today: date) -> Billed:
    """Return what Cost Explorer says, in one request.

    Raises:
        ClientError, BotoCoreError: it does not answer.
    """
    start = today - timedelta(days=max(1, ceil(days)))
    tags: list[Any] = [
        {"Tags": {"Key": key, "Values": [session.stack_name]}} for key in (STACK_TAG, _CLOUDFORMATION_TAG)
    ]
    answer = session.quick_client("ce", session.billing_region).get_cost_and_usage(
        TimePeriod={"Start": start.isoformat(), "End": today.isoformat()},
        Granularity="DAILY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
        Filter={
            "And": [{"Or": tags}, {"Dimensions": {"Key": "REGION", "Values": [session.region]}}],
        },
    )
    by_service: dict[str, float] = {}
    for group in (group for day in answer["ResultsByTime"] for group in day["Groups"]):
        amount = float(group["Metrics"]["UnblendedCost"]["Amount"])
        by_service[group["Keys"][0]] = by_service.get(group["Keys"][0], 0.0) + amount
    return Billed(start, today, by_service)
