"""`deploy.py page`: a page to try the classifier with and to look at the stack, and a proxy that signs for the browser.

A browser holds no AWS credentials, so the page asks this process, which invokes the prediction alias with those of
whoever started it. It listens on 127.0.0.1 and answers nobody but its own page: a request must name this host, come
from this origin, and be JSON, which no other site's page can send without being asked first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperationError, error_code, sentence

if TYPE_CHECKING:
    from ops.prediction.panels import Panel

_FOLDER = Path(__file__).resolve().parent
_FILES = {"/": ("page.html", "text/html; charset=utf-8"), "/page.js": ("page.js", "text/javascript; charset=utf-8")}
_PANELS = "/stack/"
_MAX_BYTES = 6_000_000
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self';"
        " img-src 'self' blob: data: https: http://127.0.0.1:*; frame-ancestors 'none'; base-uri 'none'"
    ),
}
_PASSED_ON = ("Retry-After", "X-Correlation-Id")


class PageServer(ThreadingHTTPServer):
    """Serves the page, and predictions of one alias."""

    daemon_threads = True

    def __init__(
        self, functions: Any, alias_arn: str, port: int = 0, panels: Mapping[str, Callable[[], Panel]] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.functions = functions
        self.alias_arn = alias_arn
        self.panels = panels or {}

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_port}/"

    def predict(self, event: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the prediction function's answer."""
        try:
            response = self.functions.invoke(FunctionName=self.alias_arn, Payload=json.dumps(event))
            answer = json.loads(response["Payload"].read())
        except (ClientError, BotoCoreError) as error:
            return _failed(error)
        if response.get("FunctionError"):
            return _error(502, "the prediction function failed; see `deploy.py logs predict`")
        headers = {name: value for name, value in answer["headers"].items() if name in _PASSED_ON}
        return answer["statusCode"], headers, answer["body"].encode()

    def panel(self, name: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of one panel, or of their names for ""."""
        if not name:
            return 200, {}, json.dumps(list(self.panels)).encode()
        if name not in self.panels:
            return _error(404, "nothing is here")
        try:
            document = self.panels[name]().document()
        except OperationError as error:
            return _error(502, str(error))
        except (ClientError, BotoCoreError) as error:
            return _error(502, sentence(error))
        return 200, {}, json.dumps(document).encode()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75

    def do_GET(self) -> None:
        file = _FILES.get(self.path)
        if self.path.startswith(_PANELS) and self._is_for_us() and self._is_of_this_page():
            self._send(*self.server.panel(self.path.removeprefix(_PANELS)))
            return
        if file is None or not self._is_for_us():
            self._send(*_error(404, "nothing is here"))
            return
        name, content_type = file
        self._send(200, {"Content-Type": content_type}, (_FOLDER / name).read_bytes())

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX_BYTES:
            self.close_connection = True
            self._send(*_error(413, "the picture is too large; send its address instead"))
            return
        body = self.rfile.read(int(length))
        if self.path != "/predict" or not self._is_for_us() or not self._is_from_us():
            self._send(*_error(403, "only the page at this address may ask here"))
            return
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            self._send(*_error(400, "the body is no JSON object"))
            return
        self._send(*self.server.predict(event))

    def _is_for_us(self) -> bool:
        """Tell whether the request names this host, which one under a rebound name does not."""
        return self.headers.get("Host") in {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}

    def _is_of_this_page(self) -> bool:
        """Tell whether no other site's page asks, which could not read the answer and yet cause requests to AWS."""
        return self.headers.get("Sec-Fetch-Site") in {None, "same-origin", "none"}

    def _is_from_us(self) -> bool:
        origin = self.headers.get("Origin")
        is_json = self.headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
        return is_json and origin in {None, f"http://{self.headers.get('Host')}"}

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | _HEADERS | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Leave requests out of the terminal."""


def _failed(error: Exception) -> tuple[int, dict[str, str], bytes]:
    if isinstance(error, ClientError) and error_code(error) == "TooManyRequestsException":
        status, headers, body = _error(429, "every reserved execution is busy")
        return status, headers | {"Retry-After": "1"}, body
    return _error(502, f"the prediction function could not be invoked ({type(error).__name__}); see the terminal")


def _error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps({"message": message}).encode()
