"""A steady load on the prediction function while something else goes on."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.flow.deployment import Deployment
from tests.flow.pictures import picture

PICTURE_EVENT = json.dumps({"image": base64.b64encode(picture(1, 3, seed="x")).decode()}).encode()


def call_once(stack: Deployment, body: bytes) -> int:
    """Return the status of one call."""
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["PredictAliasArn"], Payload=body)
    return int(json.load(answer["Payload"])["statusCode"])


@contextmanager
def steady_load(stack: Deployment) -> Iterator[list[int]]:
    """Let one caller ask for a prediction some twenty times a second; give the statuses it has seen."""
    outcomes: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.05):
            outcomes.append(call_once(stack, PICTURE_EVENT))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield outcomes
    finally:
        done.set()
        asking.join()
