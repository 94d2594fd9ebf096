"""What a caller is told whose prediction meets an endpoint that is away."""

from typing import Any

import pytest

from handlers.prediction.errors import UnavailableError
from handlers.prediction.waking import Standby, refusal
from tests.handlers.prediction.service import World, call, encoded

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


@pytest.mark.parametrize(
    ("answer", "words", "retry_after"),
    [
        ({"State": "starting", "RetryAfterSeconds": 240}, "is being started; try again in 240 s", 240),
        ({"State": "stopping", "RetryAfterSeconds": 15}, "is being started; try again in 15 s", 15),
        ({"State": "stopped", "RetryAfterSeconds": 300}, "`deploy.py status` says why; try again in 300 s", 300),
        ({"State": "stopped", "RetryAfterSeconds": 0}, "was stopped by hand", None),
    ],
)
def test_each_way_of_being_away_has_its_words(answer: dict[str, Any], words: str, retry_after: int | None) -> None:
    """503, an error of its own, and a Retry-After only where waiting helps."""
    error = refusal(answer, "flowers")

    assert error is not None
    assert (error.status, error.name, error.retry_after_seconds) == (503, "EndpointStopped", retry_after)
    assert words in str(error)


@pytest.mark.parametrize("answer", [{}, {"State": "none"}, {"State": "serving"}, {"errorMessage": "Traceback"}])
def test_an_endpoint_that_is_not_away_is_missing(answer: dict[str, Any]) -> None:
    """As before, and when the function fails, whose words go no further."""
    assert refusal(answer, "flowers") is None


def test_the_function_is_asked_once_for_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen pictures that meet no endpoint ask for its return once, by a signed request."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.origin)
    world.body = b'{"State": "starting", "RetryAfterSeconds": 200}'
    standby = Standby("retriever-standby", "flowers")
    missing = UnavailableError("endpoint 'flowers' does not exist")

    told = [str(standby.wake(missing, 1e9)) for _ in range(16)]

    assert set(told) == {
        "endpoint 'flowers' was stopped because nobody asked, and is being started; try again in 200 s"
    }
    ((path, headers, body),) = world.invocations
    assert (path, body) == ("/2015-03-31/functions/retriever-standby/invocations", b'{"Wake": true}')
    assert "/lambda/aws4_request" in headers["Authorization"]


def test_a_stack_without_the_function_answers_as_before(world: World) -> None:
    """503 with the remedy."""
    world.fails_with(400, "ValidationError")

    status, body, headers = call({"image": encoded()})

    assert (status, body["error"], headers["Retry-After"]) == (503, "Unavailable", "30")
