"""What `status` says of an endpoint that is away."""

import pytest

from handlers.ledger import Standby
from ops.runs.status_page import endpoint_facts
from ops.stack import standby

_AWAY = {"config_name": "e", "taken_at": "2026-11-30T08:00:05", "idle_since": "2026-11-30T07:00:00"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "idle since 2026-11-30 07:00 UTC; the next prediction starts it, or deploy.py endpoint start --local"),
        ({"by_hand": True}, "by hand; start it with deploy.py endpoint start --local"),
        ({"wanted_at": 5}, "idle since 2026-11-30 07:00 UTC; it is being started"),
        ({"problem": "no capacity"}, "idle since 2026-11-30 07:00 UTC; it could not be started: no capacity"),
        (
            {"idle_since": "", "gives_way": True},
            "to be replaced; the next prediction starts it, or deploy.py endpoint start --local",
        ),
    ],
)
def test_the_page_says_since_when_and_what_brings_it_back(fields: dict[str, object], told: str) -> None:
    """One line, of whoever stopped it."""
    row = Standby("retriever", **{**_AWAY, **fields})  # type: ignore[arg-type]

    away = standby.words(row, " --local")

    assert away == f"stopped 2026-11-30 08:00 UTC, {told}"
    assert endpoint_facts(None, away) == [("endpoint", away)]


@pytest.mark.parametrize("row", [None, Standby("retriever", start_seconds=240)])
def test_an_endpoint_that_is_there_has_no_such_line(row: Standby | None) -> None:
    """Nor one that was never away."""
    assert standby.words(row) == ""
