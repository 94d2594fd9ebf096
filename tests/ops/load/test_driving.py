"""The load: what is sent when, what counts as latency, and what is reported of it."""

import json
import math
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ops.errors import LoadError
from ops.load import summary, targets
from ops.load.driving import OK, Load, Photograph, Result, Sample, arrivals, drive, percentile

PHOTOGRAPHS = [Photograph("a.jpg", b"a", "image/jpeg"), Photograph("b.png", b"b", "image/png")]


class Recording:
    """A target that answers at once and remembers what it was sent."""

    name = "recording"

    def __init__(self, outcomes: list[str] | None = None) -> None:
        self.sent: list[Photograph] = []
        self._outcomes = iter(outcomes or [])

    def send(self, photograph: Photograph) -> str:
        self.sent.append(photograph)
        time.sleep(0.001)  # an answer takes real time, so that callers overlap
        return next(self._outcomes, OK)


def test_closed_loop_has_its_callers_and_sends_every_photograph() -> None:
    """Callers wait for their answers, so no more requests are under way than there are callers."""
    target = Recording()

    result = drive(target, PHOTOGRAPHS, Load(0.1, concurrency=3))

    assert {one.name for one in target.sent} == {"a.jpg", "b.png"}
    edges = sorted([(one.started, 1) for one in result.samples] + [(one.ended, -1) for one in result.samples])
    under_way = [sum(step for _, step in edges[: number + 1]) for number in range(len(edges))]
    assert max(under_way) <= 3


def test_open_loop_charges_a_standstill_to_all_that_was_due() -> None:
    """A server that stands still makes all that were due meanwhile late, not only the one it was serving."""
    go_on = threading.Event()
    released: list[float] = []

    class Standing(Recording):
        def send(self, photograph: Photograph) -> str:
            go_on.wait()
            return super().send(photograph)

    def release() -> None:
        released.append(time.perf_counter() - began)
        go_on.set()

    began = time.perf_counter()
    timer = threading.Timer(0.2, release)
    timer.start()
    result = drive(Standing(), PHOTOGRAPHS, Load(0.3, rate=200))
    timer.join()

    late = [one for one in result.samples if one.due < 0.1]
    assert len(late) > 5
    assert all(one.seconds >= 0.05 for one in late)


def test_open_loop_sends_what_was_due_and_nothing_else() -> None:
    """The arrivals of the seed, each once."""
    load = Load(0.2, rate=300, seed=5)

    result = drive(Recording(), PHOTOGRAPHS, load)

    assert sorted(one.due for one in result.samples) == list(arrivals(load, random.Random(5)))


@settings(max_examples=30)
@given(st.floats(1, 500), st.floats(1, 500), st.integers(0, 2**32))
def test_arrivals_follow_the_rate(rate: float, ramp_to: float, seed: int) -> None:
    """They rise within the time, and number what the mean rate gives, within six standard deviations."""
    load = Load(10, rate=rate, ramp_to=ramp_to)
    expected = (rate + ramp_to) / 2 * 10

    due = list(arrivals(load, random.Random(seed)))

    assert all(0 < one < 10 for one in due)
    assert all(before <= after for before, after in pairwise(due))
    assert abs(len(due) - expected) <= 6 * math.sqrt(expected) + 6


def test_ramp_puts_most_arrivals_at_its_end() -> None:
    """From 10 to 90 a second, the second half has about 70 % of them."""
    due = list(arrivals(Load(20, rate=10, ramp_to=90), random.Random(1)))

    assert 0.65 < sum(one > 10 for one in due) / len(due) < 0.75


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], percent: float) -> None:
    """It is one of the values, and the least for which that holds."""
    ordered = sorted(values)

    result = percentile(ordered, percent)

    assert result in values
    assert sum(value <= result for value in ordered) >= len(ordered) * percent / 100 - 1e-6
    assert sum(value < result for value in ordered) < len(ordered) * percent / 100 + 1e-6


def test_warm_up_does_not_count() -> None:
    """Its requests are sent, and are no samples."""
    target = Recording()

    result = drive(target, PHOTOGRAPHS, Load(0.05, warm_up_seconds=0.05))

    assert 0 < len(result.samples) < len(target.sent)


def test_warm_up_of_an_open_loop_is_open_too() -> None:
    """Its arrivals wait for nobody, so as many environments and connections are there as the load will need."""
    target = Recording()

    result = drive(target, PHOTOGRAPHS, Load(0.05, rate=400.0, ramp_to=800.0, warm_up_seconds=0.05))

    warm_up = list(arrivals(Load(0.05, rate=400.0, seed=1), random.Random(1)))
    assert len(target.sent) == len(warm_up) + len(result.samples)


def test_failures_are_counted_by_kind() -> None:
    """Throttles apart from other failures; latencies are those of the answers alone."""
    result = drive(Recording(["429 X", "502 Y", "429 X"]), PHOTOGRAPHS, Load(0.15))

    assert result.failures == {"429 X": 2, "502 Y": 1}
    assert result.num_throttled == 2
    assert len(result.latencies_ms()) == result.num_ok == len(result.samples) - 3


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": 0},
        {"seconds": 1, "concurrency": 0},
        {"seconds": 1, "ramp_to": 5.0},
        {"seconds": 1, "rate": 5.0, "ramp_to": -5.0},
        {"seconds": 1, "rate": -1.0},
        {"seconds": 1, "rate": float("nan")},
        {"seconds": 1, "warm_up_seconds": -1.0},
    ],
    ids=str,
)
def test_load_that_cannot_be_sent_is_refused(fields: dict[str, Any]) -> None:
    """The value is named."""
    with pytest.raises(LoadError, match=r"; give more than 0|; give both|; give 0 or more"):
        Load(**fields)


def test_no_photographs_are_refused(tmp_path: Path) -> None:
    """An empty folder is named."""
    with pytest.raises(LoadError, match="give a folder of photographs"):
        targets.photographs(tmp_path)
    with pytest.raises(LoadError, match="photographs: none"):
        drive(Recording(), [], Load(1))


def test_photographs_are_those_of_the_folder(tmp_path: Path) -> None:
    """Of all folders below, with their types; other files are left out; at most as many as asked for."""
    (tmp_path / "deep").mkdir()
    for name in ("a.jpg", "deep/b.PNG", "deep/c.webp"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")

    photographs = targets.photographs(tmp_path)

    assert {(one.name, one.content_type) for one in photographs} == {
        ("a.jpg", "image/jpeg"), ("b.PNG", "image/png"), ("c.webp", "image/webp"),
    }  # fmt: skip
    assert len(targets.photographs(tmp_path, limit=2)) == 2


# -- targets ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A server of /invocations that answers 200 to `a` and 429 to `b`, and closes the connection after `c`."""
    seen: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Content-Type"], body))
            if body == b"c":
                self.close_connection = True
                return
            self.send_response(200 if body == b"a" else 429)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            """Stay silent."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/invocations", seen
    running.shutdown()
    running.server_close()


@pytest.mark.account  # for a socket on 127.0.0.1
def test_http_target_posts_the_photograph(server: tuple[str, list[tuple[str, str, bytes]]]) -> None:
    """Its bytes, its type; a refusal and a lost connection are told apart, and the next request goes through."""
    url, seen = server
    target = targets.HttpTarget(url)

    outcomes = [target.send(Photograph("x", body, "image/png")) for body in (b"a", b"b", b"c", b"a")]
    target.close()

    assert outcomes == [OK, "429 Too Many Requests", "connection: RemoteDisconnected", OK]
    assert seen[0] == ("/invocations", "image/png", b"a")


@pytest.mark.account  # for a socket on 127.0.0.1
def test_http_target_names_a_server_that_is_not_there() -> None:
    """A refused connection is an outcome, not an exception."""
    assert targets.HttpTarget("http://127.0.0.1:9/x").send(PHOTOGRAPHS[0]) == "connection: ConnectionRefusedError"


def test_http_target_refuses_what_is_no_url() -> None:
    """Before anything is sent."""
    with pytest.raises(LoadError, match="not an HTTP URL"):
        targets.HttpTarget("endpoint")


def client_error(status: int, code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "InvokeEndpoint")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error(400, "ThrottlingException"), "429 ThrottlingException"),
        (client_error(429, "TooManyRequestsException", Reason="R"), "429 TooManyRequestsException R"),
        (client_error(424, "ModelError", OriginalStatusCode=503), "503 ModelError"),
        (ReadTimeoutError(endpoint_url="x"), "timeout"),
        (ConnectionResetError(), "connection: ConnectionResetError"),
    ],
    ids=str,
)
def test_each_failure_of_aws_has_a_kind(error: Exception, expected: str) -> None:
    """Throttles begin with 429, whatever status AWS gives them."""

    def call() -> str:
        raise error

    assert targets.outcome(call) == expected


@pytest.mark.parametrize(
    ("answer", "function_error", "expected"),
    [
        ({"statusCode": 200, "body": "{}"}, None, OK),
        ({"statusCode": 429, "body": '{"error": "TooManyRequests"}'}, None, "429 TooManyRequests"),
        ({"errorType": "Sandbox.Timedout"}, "Unhandled", "Unhandled: Sandbox.Timedout"),
    ],
)
def test_each_answer_of_the_function_has_a_kind(answer: Any, function_error: str | None, expected: str) -> None:
    """The function's own status counts, since Lambda calls all of them 200."""
    assert targets.answered(answer, function_error) == expected


# -- the report -------------------------------------------------------------------------------------------------


def result() -> Result:
    samples = [Sample(number / 100, number / 100, number / 100 + 0.02, OK) for number in range(100)]
    return Result("endpoint x", Load(1, rate=100), [*samples, Sample(0.5, 0.5, 0.6, "429 Throttling")])


def test_report_is_written_and_read_again(tmp_path: Path) -> None:
    """JSON with every sample, from which the same result comes back; and a picture."""
    data, picture = summary.write([result()], tmp_path / "new" / "ramp")

    written = json.loads(data.read_text())
    assert written[0]["latency_ms"]["p50"] == pytest.approx(20)
    assert (written[0]["num_throttled"], written[0]["num_requests"]) == (1, 101)
    assert summary.from_json(written[0]).percentiles_ms() == pytest.approx(result().percentiles_ms())
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 800


def test_columns_are_named_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A program and a person that read the lines know which is which."""
    summary.show(result())

    names, values = (line.split("\t") for line in capsys.readouterr().out.splitlines()[:2])
    shown = dict(zip(names, values, strict=True))
    assert (shown["requests"], shown["p50 ms"], shown["throttled"]) == ("101", "20.0", "1")


def test_report_of_nothing_but_failures_has_no_latencies(tmp_path: Path) -> None:
    """No number is made up, and the plot is drawn all the same."""
    failed = Result("x", Load(1), [Sample(0, 0, 1, "timeout")])

    data, _ = summary.write([failed], tmp_path / "failed")

    assert json.loads(data.read_text())[0]["latency_ms"]["p50"] is None
    assert summary.row(failed) == ["1", "0.0", *["nan"] * 5, "0", "1"]
