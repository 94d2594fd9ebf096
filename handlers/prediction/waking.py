"""An endpoint that is away because nobody asked: let it come back, and tell the caller when to try again.

The function that brings it back is asked only where the endpoint is not there, so a prediction that is answered pays
nothing for it. What it answers is worded here: its own words may be SageMaker's.
"""

import os
import threading
import time
from typing import Any
from urllib.parse import quote

from handlers.contract import strict_json
from handlers.prediction import endpoint_client
from handlers.prediction.aws_http import Service, TooLateError, TooLongError, UnreachableError, service_url
from handlers.prediction.errors import EndpointStoppedError, PredictionError, UnavailableError

ANSWER_SECONDS = 8.0  # it may have to start first; if it takes longer it goes on all the same
_KEPT_SECONDS = 5.0  # one question in so long, however many predictions meet the endpoint's absence
_MAX_BYTES = 64 * 1024
_AWAY = ("stopping", "stopped", "starting")


class Standby:
    """The function that brings the endpoint back, as predictions ask it; for any number of threads."""

    def __init__(self, function_name: str, endpoint_name: str) -> None:
        self._path = f"/2015-03-31/functions/{quote(function_name, safe='')}/invocations" if function_name else ""
        self.endpoint_name = endpoint_name
        region = os.environ.get("AWS_REGION", "us-east-1")
        url = service_url("LAMBDA", "lambda", region)
        self._service = Service(url, "lambda", region, endpoint_client.CONNECT_SECONDS, ANSWER_SECONDS)
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, Any]] = (0.0, {})

    def wake(self, missing: UnavailableError, until: float) -> PredictionError:
        """Return what to tell a caller who met no endpoint, after asking for its return."""
        with self._lock:
            asked_at, answer = self._kept
            if not answer or time.monotonic() - asked_at > _KEPT_SECONDS:
                answer = self._ask(until) if self._path else {}
                self._kept = time.monotonic(), answer
        return refusal(answer, self.endpoint_name) or missing

    def _ask(self, until: float) -> dict[str, Any]:
        latest, headers = time.monotonic() + ANSWER_SECONDS, {"Content-Type": "application/json"}
        try:
            response = self._service.ask(
                "POST", self._path, headers, b'{"Wake": true}', until=min(until, latest), max_bytes=_MAX_BYTES
            )
            answer = strict_json.parse(response.body) if response.status == 200 else {}
        except (UnreachableError, TooLateError, TooLongError, ValueError):
            return {}
        finally:
            self._service.close()  # the next question is seconds away, or days
        return answer if isinstance(answer, dict) else {}


def ask(
    runtime: Service, standby: Standby, seconds: float, asked: endpoint_client.EndpointRequest, until: float
) -> endpoint_client.EndpointAnswer:
    """Return the endpoint's answer, which it has `seconds` for.

    Raises:
        PredictionError: the class for what went wrong; where the endpoint is away, when to try again.
    """
    latest = min(until, time.monotonic() + seconds)
    try:
        return endpoint_client.invoke(runtime, standby.endpoint_name, asked, latest)
    except UnavailableError as error:
        if not error.is_missing:
            raise
        raise standby.wake(error, until) from error


def refusal(answer: dict[str, Any], endpoint_name: str) -> EndpointStoppedError | None:
    """Return what the standby function's answer means to a caller; None where the endpoint is not away."""
    state, seconds = answer.get("State"), answer.get("RetryAfterSeconds")
    if state not in _AWAY:
        return None
    if not isinstance(seconds, int) or seconds < 1:
        return EndpointStoppedError(
            f"endpoint {endpoint_name!r} was stopped by hand; who runs it starts it with `deploy.py endpoint start`"
        )
    does = "could not be started yet; `deploy.py status` says why" if state == "stopped" else "is being started"
    error = EndpointStoppedError(
        f"endpoint {endpoint_name!r} was stopped because nobody asked, and {does}; try again in {seconds} s"
    )
    error.retry_after_seconds = seconds
    return error
