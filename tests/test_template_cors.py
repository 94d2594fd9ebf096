"""Whether a page of the allowed origin may call the function URL of template.yaml: by HTTP, and in a browser."""

import http.client
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.browser import CHROMIUM, Browser
from tests.stacks import Deployer
from tests.template_stack import deploy, packaged

pytestmark = [pytest.mark.slow, pytest.mark.account]
SIGNING = ("authorization", "content-type", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token")


class Page(http.server.BaseHTTPRequestHandler):
    """Serves one empty page, which gives the browser an origin."""

    def do_GET(self) -> None:
        """Answer with the page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>page</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Keep silent."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Give the origin of a page on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def url(account: Any, origin: str) -> Iterator[str]:
    """Give the function URL of a stack that allows the page's origin."""
    deployer = Deployer(account.client)
    deploy(deployer, packaged(deployer), CorsAllowedOrigin=origin)
    yield deployer.outputs["PredictFunctionUrl"]
    deployer.down()


@pytest.fixture
def signed(account: Any, url: str) -> Callable[..., dict[str, str]]:
    """Give the headers of a signed request, as a page with credentials makes them."""

    def sign(body: str) -> dict[str, str]:
        request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
        SigV4Auth(
            Credentials(account.info.access_key_id, account.info.secret_access_key), "lambda", "us-east-1"
        ).add_auth(request)
        return {str(name).lower(): str(value) for name, value in request.headers.items()}

    return sign


def _ask(url: str, origin: str, method: str = "POST") -> tuple[int, dict[str, str]]:
    """Ask as a browser does before it sends a signed request; return the status and the headers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(SIGNING),
    }
    connection.request("OPTIONS", "/", headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_a_preflight_is_answered_without_a_signature(url: str, origin: str) -> None:
    """Every header that a signed request has is allowed, from the parameter's origin."""
    status, headers = _ask(url, origin)

    assert (status, headers["access-control-allow-origin"]) == (200, origin)
    assert set(SIGNING) <= set(headers["access-control-allow-headers"].split(","))
    assert headers["access-control-allow-methods"] == "POST"


def test_another_origin_is_allowed_nothing(url: str) -> None:
    """A browser reads the absence of the header as a no."""
    assert not [name for name in _ask(url, "https://other.example")[1] if name.startswith("access-control-")]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", 200), ("localhost", "TypeError: Failed to fetch")],
    ids=["the origin that is allowed", "the same page under another name of this machine"],
)
def test_only_a_page_of_the_origin_gets_an_answer(
    url: str, origin: str, signed: Callable[..., dict[str, str]], tmp_path: Path, host: str, answer: object
) -> None:
    """The browser asks, sends the signed request, and lets the page read the answer if its origin is allowed."""
    options = json.dumps({"method": "POST", "headers": signed("{}"), "body": "{}"})
    script = f"fetch({json.dumps(url)}, {options}).then(answer => answer.status, error => String(error))"

    with Browser(tmp_path) as browser:
        browser.open(origin.replace("127.0.0.1", host))

        assert browser.evaluate(script) == answer
