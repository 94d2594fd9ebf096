"""The line of a call: what is counted, and what never stands in it."""

import json
from typing import Any

import pytest

from handlers.prediction import classification
from tests.handlers.prediction.service import (
    PNG,
    Log,
    World,
    call,
    encoded,
)

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


def test_unexpected_errors_are_told_and_logged_without_values(
    world: World, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    """A caller gets a 500 with the request id; the log names the error's class and place but none of its values."""

    event = {"image": encoded()}

    def explode(*_: Any) -> bytes:
        raise KeyError(event["image"])

    monkeypatch.setattr(classification, "load_image", explode)

    got, body, _ = call(event)

    assert (got, body["error"]) == (500, "Prediction")
    assert "KeyError" in log.getvalue()
    assert event["image"] not in log.getvalue() + json.dumps(body)


def test_logs_hold_no_secrets(world: World, log: Log) -> None:
    """Neither query strings, nor user names, nor image bytes, nor credentials; whether it worked or not."""
    world.files["/dog.png"] = PNG

    for event in (
        {"url": f"{world.origin}/dog.png?X-Amz-Signature=hidden"},
        {"url": f"{world.origin}/missing.png?X-Amz-Signature=hidden"},
        {"url": "https://name:hidden@a.example/?hidden=1"},
        {"url": "https://127.0.0.1/?hidden=1"},
        {"image": encoded()},
        {"image": encoded()[:-3] + "hidden!"},
        {"body": '{"url": "https://a.example/?hidden=1"'},
    ):
        call(event)

    assert sum("_aws" in line for line in log.lines()) == 7
    assert {line["request_id"] for line in log.lines()} == {"request-1"}
    for secret in ("hidden", encoded()[:12], "pixels", "test,", "AWS4-HMAC"):
        assert secret not in log.getvalue()


@pytest.mark.parametrize(
    ("code", "status", "metric"),
    [("ThrottlingException", 400, "Throttles"), ("AccessDeniedException", 403, "ServerErrors")],
)
def test_outcomes_are_counted(world: World, log: Log, code: str, status: int, metric: str) -> None:
    """Each call counts once, under what became of it."""
    world.fails_with(status, code)

    call({"image": encoded()})

    line = log.lines()[-1]
    names = ("Predictions", "ClientErrors", "Throttles", "ServerErrors")
    assert {name: line[name] for name in names} == dict.fromkeys(names, 0) | {metric: 1}
