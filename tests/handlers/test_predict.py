"""The prediction function, from the event to the answer, against an endpoint and an image server on loopback."""

import json
import os
import subprocess
import sys
import time

import pytest

from handlers import predict
from handlers.prediction.settings import RESERVE_SECONDS
from tests.handlers.prediction import service
from tests.handlers.prediction.service import (
    EXPECTED,
    PNG,
    ROOT,
    World,
    answered,
    call,
    encoded,
    forget,
)

pytestmark = pytest.mark.account  # for sockets on 127.0.0.1
world, log = service.world, service.log  # the fixtures


def test_url_is_fetched_and_classified(world: World) -> None:
    """The image of the URL reaches the endpoint byte by byte; names and probabilities come back with the request id."""
    world.files["/dog.png"] = PNG

    status, body, headers = call({"url": f"{world.origin}/dog.png?signature=abc"})

    assert (status, answered(body)) == (200, EXPECTED)
    assert headers["Content-Type"] == "application/json"
    path, sent, image = world.invocations[0]
    assert (path, sent["Content-Type"], image) == ("/endpoints/flowers/invocations", "image/png", PNG)
    assert (
        sent["X-Amzn-SageMaker-Accept" if "X-Amzn-SageMaker-Accept" in sent else "Accept"] == "application/json;top_k=5"
    )


def test_logits_are_the_bare_rows(world: World) -> None:
    """Clients of the older Lambda get [[...]] and nothing around it."""
    world.body = b"[[0.25, -1.5, 3.0]]"

    status, body, _ = call({"image": encoded(), "return": "logits"})

    assert (status, body) == (200, [[0.25, -1.5, 3.0]])


def test_cors_header_is_sent_when_it_is_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On success, on failure and to the preflight; without the setting there is none."""
    assert "Access-Control-Allow-Origin" not in call({"image": encoded()})[2]
    monkeypatch.setenv("CORS_ALLOWED_ORIGIN", "https://app.example")
    forget()

    for event, expected in (
        ({"image": encoded()}, 200),
        ({}, 400),
        ({"httpMethod": "OPTIONS", "body": None}, 204),
        ({"requestContext": {"http": {"method": "OPTIONS"}}}, 204),
    ):
        status, _, headers = call(event)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected, "https://app.example")


def test_a_function_url_sends_the_cors_headers_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's would come beside them, and a browser refuses an answer with two."""
    monkeypatch.setenv("CORS_ALLOWED_ORIGIN", "https://app.example")
    forget()
    context = {"domainName": "abc.lambda-url.eu-west-1.on.aws", "http": {"method": "POST"}}

    headers = call({"requestContext": context, "body": json.dumps({"image": encoded()})})[2]

    assert not [name for name in headers if name.startswith("Access-Control-")]


def test_an_answer_comes_before_lambda_ends_the_function(world: World) -> None:
    """With little time left, as after a slow start, the waits shrink to fit."""
    for seconds in (0.5, 1.5, 60.0):
        limits = predict.settings().limits(seconds)
        assert limits.until - time.monotonic() <= max(0.1, seconds - RESERVE_SECONDS)
        assert limits.fetch_until <= limits.until


def test_import_stays_light() -> None:
    """Neither an AWS SDK, nor Powertools, pydantic or X-Ray is imported on the way to a prediction."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    heavy = {"boto3", "botocore", "urllib3", "aws_lambda_powertools", "pydantic", "aws_xray_sdk"}
    code = f"import handlers.predict, sys; print({heavy} & set(sys.modules))"

    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert printed.strip() == "set()"
