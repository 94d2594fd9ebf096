"""Ten faults of AWS at both places where the prediction function calls it: typed outcomes, and tries counted."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handlers.prediction import aws_http
from tests.handlers.prediction.service import FAILURE, World, call, encoded, forget

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1

PREDICTION = Path(aws_http.__file__).parent
S3_KEY = "/data-bucket/pictures/a.png"
EVENTS = {"InvokeEndpoint": {"image": encoded()}, "GetObject": {"s3_uri": "s3://data-bucket/pictures/a.png"}}
Prepare = Callable[[World, pytest.MonkeyPatch], None]


def answers(status: int, code: str, of_s3: tuple[int, str] | None = None) -> Prepare:
    """Both services answer so, or S3 in its own words; status 0 closes the connection instead."""
    s3_status, s3_code = of_s3 or (status, code)

    def prepare(world: World, _: pytest.MonkeyPatch) -> None:
        world.fails_with(status, code)
        world.file_status, world.files[S3_KEY] = s3_status, f"<Error><Code>{s3_code}</Code></Error>".encode()

    return prepare


def never_connects(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection takes longer than it may."""

    def time_out(*_: object, **__: object) -> socket.socket:
        with world.lock:
            world.num_connects += 1
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", time_out)


def never_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are taken, and nothing comes back."""
    for name in ("ENDPOINT_READ_TIMEOUT_SECONDS", "FETCH_DEADLINE_SECONDS"):
        monkeypatch.setenv(name, "0.3")
    forget()
    world.hold = threading.Event()


# fault: what happens; the status and how often the endpoint is asked; the status and how often S3 is asked. A second
# try is for what it can help without adding load to a service that is short of capacity.
FAULTS: dict[str, tuple[Prepare, tuple[int, int], tuple[int, int]]] = {
    "throttling": (answers(400, "ThrottlingException", (503, "SlowDown")), (429, 1), (503, 1)),
    "500": (answers(500, "InternalFailure"), (503, 2), (503, 1)),
    "503": (answers(503, "ServiceUnavailable"), (503, 2), (503, 1)),
    "connect timeout": (never_connects, (503, 2), (503, 1)),
    "read timeout": (never_answers, (504, 1), (504, 1)),
    "closed connection": (answers(0, ""), (503, 2), (503, 1)),
    "ModelError": (answers(424, "ModelError"), (502, 1), (422, 1)),
    "ValidationException": (answers(400, "ValidationException"), (503, 1), (422, 1)),
    "AccessDenied": (answers(403, "AccessDenied"), (500, 1), (404, 1)),
    "ExpiredToken": (answers(400, "ExpiredToken"), (500, 1), (500, 1)),
}
SITES = list(itertools.product(FAULTS, EVENTS))


@pytest.fixture
def released(world: World) -> Iterator[World]:
    """The world, whose held answers are let go in the end."""
    yield world
    if world.hold:
        world.hold.set()


@pytest.mark.parametrize(("fault", "site"), SITES)
def test_each_fault_at_each_call_has_a_typed_outcome(
    released: World, monkeypatch: pytest.MonkeyPatch, fault: str, site: str
) -> None:
    """Its own status and class, a hint where another try can help, and no repetition that adds to the load."""
    prepare, *expected = FAULTS[fault]
    status, tries = expected[list(EVENTS).index(site)]
    prepare(released, monkeypatch)

    got, body, headers = call(EVENTS[site])

    assert (got, set(body)) == (status, FAILURE)
    assert ("Retry-After" in headers) == (status in {429, 503})
    assert body["error"] != "Prediction"  # that is the class of what was not foreseen
    asked = released.num_connects + len(released.invocations) + released.num_reads
    assert asked == tries or (fault == "read timeout" and asked == 0)  # its 0.3 s may be over before the server runs
    if site == "GetObject":
        assert released.invocations == []


def test_every_call_of_aws_is_among_them() -> None:
    """Ten faults, and no place of the prediction function that asks AWS beside those two."""
    calls = {path.name: path.read_text().count('.ask("') for path in PREDICTION.glob("*.py")}

    assert {name: count for name, count in calls.items() if count} == {"endpoint_client.py": 1, "s3_image.py": 1}
    assert len(FAULTS) == 10
