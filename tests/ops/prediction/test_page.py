"""The page to try the classifier with: what its server lets in, and what a person sees in a browser."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from embedded_account.pytest_plugin import RunningAccount
from PIL import Image

from ops.errors import ExecutionError
from ops.prediction.page import PageServer
from ops.prediction.panels import Panel
from tests.browser import CHROMIUM, Browser
from tests.prediction_service import CountingEndpoint, Deployed, counting_endpoint, prediction_function

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1


class Functions:
    """Lambda, answering always the same."""

    def __init__(self, answer: Any, **more: Any) -> None:
        self.events: list[Any] = []
        self._answer, self._more = answer, more

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.events.append(json.loads(request["Payload"]))
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Payload": BytesIO(json.dumps(self._answer).encode()), **self._more}


def running(
    functions: Any, alias_arn: str = "arn:live", panels: Mapping[str, Callable[[], Panel]] | None = None
) -> Iterator[PageServer]:
    server = PageServer(functions, alias_arn, panels=panels)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def ask(server: PageServer, method: str = "POST", path: str = "/predict", body: str = "{}", **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    named = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body if method == "POST" else None, named)
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


ANSWERED = {"statusCode": 200, "headers": {"X-Correlation-Id": "c", "X-Other": "o"}, "body": '{"predictions": []}'}


def test_page_is_served_and_asks_nobody_else() -> None:
    """Its policy lets no script in but its own, and no other site frame it."""
    for server in running(Functions(ANSWERED)):
        page, script, missing = (ask(server, "GET", path) for path in ("/", "/page.js", "/../deploy.py"))

        assert (page.status, script.status, missing.status) == (200, 200, 404)
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy


def test_request_of_the_page_is_passed_on() -> None:
    """The event goes to the alias as it is; the answer comes back with its status and the headers that matter."""
    functions = Functions({**ANSWERED, "statusCode": 415})
    for server in running(functions):
        answer = ask(server, body='{"image": "QUJD"}', Origin=server.url.rstrip("/"))

        assert (answer.status, answer.body) == (415, b'{"predictions": []}')
        assert (answer.headers["X-Correlation-Id"], answer.headers["X-Other"]) == ("c", None)
        assert functions.events == [{"image": "QUJD"}]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content_Type": "text/plain"}, 403),
        ({"path": "/other"}, 403),
        ({"body": "[]"}, 400),
        ({"body": "{"}, 400),
        ({"Content_Length": "7000000"}, 413),
    ],
    ids=str,
)
def test_requests_of_other_pages_are_refused(options: dict[str, str], status: int) -> None:
    """Another site's page could otherwise spend the person's credentials; nothing is invoked."""
    functions = Functions(ANSWERED)
    for server in running(functions):
        assert ask(server, **options).status == status
        assert functions.events == []


@pytest.mark.parametrize(
    ("answer", "more", "status"),
    [
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"), {}, 429),
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke"), {}, 502),
        (EndpointConnectionError(endpoint_url="x"), {}, 502),
        ({"errorMessage": "x"}, {"FunctionError": "Unhandled"}, 502),
    ],
    ids=str,
)
def test_failures_are_told_in_words(answer: Any, more: dict[str, Any], status: int) -> None:
    """A person reads a sentence; a busy function carries the hint when to come back."""
    for server in running(Functions(answer, **more)):
        told = ask(server)

        assert (told.status, told.headers["Retry-After"]) == (status, "1" if status == 429 else None)
        assert json.loads(told.body)["message"]


def _unreadable() -> Panel:
    raise ExecutionError("table 'runs': is gone; deploy.py up")


PANELS: dict[str, Callable[[], Panel]] = {
    "runs": lambda: Panel(["run", "outcome"], [["pets-1", "<b>succeeded</b>"]], "a note"),
    "costs": _unreadable,
}


def test_panels_are_told_to_the_page_alone() -> None:
    """Their names, each as a table, a failure in words; another site's page, which might cost money, asks in vain."""
    for server in running(Functions(ANSWERED), panels=PANELS):
        names, runs, costs, missing = (ask(server, "GET", f"/stack/{name}") for name in ("", "runs", "costs", "x"))
        foreign = ask(server, "GET", "/stack/runs", Sec_Fetch_Site="cross-site")
        rebound = ask(server, "GET", "/stack/runs", Host="evil.example")

        assert json.loads(names.body) == ["runs", "costs"]
        assert json.loads(runs.body)["rows"] == [["pets-1", "<b>succeeded</b>"]]
        assert (costs.status, json.loads(costs.body)["message"]) == (502, "table 'runs': is gone; deploy.py up")
        assert [answer.status for answer in (missing, foreign, rebound)] == [404, 404, 404]


# -- in a browser -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(account: RunningAccount) -> Iterator[tuple[Deployed, CountingEndpoint]]:
    """The prediction function of the embedded account, and the endpoint behind it."""
    with counting_endpoint() as endpoint, prediction_function(account, endpoint) as deployed:
        endpoint.go_on.set()
        yield deployed, endpoint


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def page(service: tuple[Deployed, CountingEndpoint], browser: Browser) -> Iterator[Browser]:
    """The page, in front of the deployed function."""
    deployed, endpoint = service
    endpoint.status, endpoint.code = 200, ""
    alias = deployed.client.get_alias(FunctionName=deployed.name, Name="live")["AliasArn"]
    for server in running(deployed.client, alias):
        browser.open(server.url)
        yield browser


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "dog.png"
    Image.new("RGB", (320, 200), "orange").save(path)
    return path


def test_chosen_picture_is_classified(page: Browser, picture: Path, service: tuple[Deployed, CountingEndpoint]) -> None:
    """Classes with bars by their probability, the best one in words, and the time in parts that screen readers get."""
    page.choose_file("#file", picture)
    page.wait_for("!document.getElementById('result').hidden")

    assert page.evaluate("document.getElementById('best').textContent") == "daisy, 75.0 %"
    rows = page.evaluate("[...document.querySelectorAll('li.class')].map(row => row.innerText.replace(/\\n/g, ' '))")
    assert rows == ["daisy 75.0 %", "rose 20.0 %", "tulip 5.0 %"]
    assert page.evaluate("[...document.querySelectorAll('.bar')].map(bar => bar.style.width)") == ["75%", "20%", "5%"]
    split = page.evaluate("document.getElementById('split').getAttribute('aria-label')")
    assert "waiting in the queue 1.5 ms, decoding 2.5 ms, the model 12.0 ms" in split
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 320


def test_failure_is_shown_and_the_next_picture_works(
    page: Browser, picture: Path, service: tuple[Deployed, CountingEndpoint]
) -> None:
    """The function's own sentence, as an alert, with one hint when to try again."""
    service[1].status, service[1].code = 400, "ThrottlingException"
    page.choose_file("#file", picture)
    page.wait_for("document.getElementById('message').textContent")

    message = page.evaluate("document.getElementById('message').textContent")
    assert message.endswith("is at its limit (ThrottlingException); try again in a second")
    assert page.evaluate("document.getElementById('result').hidden")

    page.evaluate("document.getElementById('url').value = 'https://127.0.0.1/dog.jpg'")
    page.evaluate("document.getElementById('ask').click()")
    page.wait_for("document.getElementById('message').textContent.includes('no public address')")


def test_dropped_picture_is_classified(page: Browser) -> None:
    """Drag and drop, as by hand: the file is in the event's data."""
    page.evaluate("""
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array([255, 216, 255, 224])], 'dog.jpg', {type: 'image/jpeg'}));
        document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}));
    """)

    page.wait_for("!document.getElementById('result').hidden")


def test_page_is_usable_without_a_mouse_or_with_a_reader(page: Browser) -> None:
    """Every control has a name and can be reached by keyboard, and changes are announced."""
    unnamed = "[...document.querySelectorAll('input, button')].filter(e => !(e.labels?.length || e.textContent.trim()))"
    assert page.evaluate(f"{unnamed}.length") == 0
    assert page.evaluate("[...document.querySelectorAll('input, button')].every(one => one.tabIndex >= 0)")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.getElementById('result').getAttribute('aria-live')") == "polite"
    assert page.evaluate("document.getElementById('message').getAttribute('role')") == "alert"


CONTRAST = """
(() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const color = (name) => {
    document.body.style.setProperty('outline-color', `var(--${name})`);
    return getComputedStyle(document.body).outlineColor.match(/\\d+/g).slice(0, 3).map(Number);
  };
  const ratio = (a, b) => { const [x, y] = [light(color(a)), light(color(b))].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  return [['text', 'page'], ['text', 'card'], ['quiet', 'card'], ['quiet', 'page'], ['bad', 'card'], ['accent-text', 'accent']]
    .map(([a, b]) => ratio(a, b));
})()
"""  # noqa: E501 (one line of JavaScript a thought)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_schemes(page: Browser, scheme: str) -> None:
    """At least 4.5 to 1. Source: WCAG 2.2, success criterion 1.4.3."""
    page.prefer(scheme)

    ratios = page.evaluate(CONTRAST)

    assert min(ratios) >= 4.5, ratios


def test_the_stack_is_shown_beside_the_picture(browser: Browser) -> None:
    """A tab for each panel, the first one read at once; what cannot be read says why; names are text, never markup."""
    for server in running(Functions(ANSWERED), panels=PANELS):
        browser.open(server.url)
        browser.wait_for("document.getElementById('rows').children.length == 1")

        assert browser.evaluate("[...document.querySelectorAll('#tabs button')].map(e => e.textContent)") == [
            "Runs",
            "Costs",
        ]
        assert browser.evaluate("document.getElementById('rows').innerText").split() == ["pets-1", "<b>succeeded</b>"]
        assert browser.evaluate("document.getElementById('note').textContent") == "a note"
        browser.evaluate("document.getElementById('tab-costs').click()")
        browser.wait_for("document.getElementById('note').textContent.includes('is gone')")
        assert browser.evaluate("document.getElementById('tab-costs').getAttribute('aria-selected')") == "true"


def test_a_page_without_a_stack_behind_it_shows_none(page: Browser) -> None:
    """Where the page is hosted alone there are no tabs."""
    assert page.evaluate("document.getElementById('stack').hidden")
