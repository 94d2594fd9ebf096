"""`deploy.py predict`: ask the prediction Lambda, as an app does."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import PredictionError, error_code
from ops.session import Session
from ops.stack.stacks import Stack

_MAX_BYTES = 4_000_000  # base64 makes it a third larger; Lambda takes 6 MB in all


@dataclass(frozen=True)
class Answer:
    """The prediction Lambda's answer, and how long it took."""

    predictions: list[dict[str, Any]]
    model: dict[str, Any]
    milliseconds: float


def payload(target: str, top_k: int) -> dict[str, Any]:
    """Return the event for a URL, an S3 URI or a local file.

    Raises:
        PredictionError: it is none of them, or the file is too large to send.
    """
    if target.startswith(("https://", "http://")):
        return {"url": target, "top_k": top_k}
    if target.startswith("s3://"):
        return {"s3_uri": target, "top_k": top_k}
    path = Path(target)
    if not path.is_file():
        raise PredictionError(f"{target!r}: no such file; expected a URL, an s3:// URI or a picture's path")
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise PredictionError(
            f"{target!r}: {size} bytes; a Lambda takes 4 MB at most, upload it and name its s3:// URI"
        )
    return {"image": base64.b64encode(path.read_bytes()).decode(), "top_k": top_k}


def predict(session: Session, stack: Stack, event: dict[str, Any]) -> Answer:
    """Invoke the prediction alias and return what it says.

    Raises:
        PredictionError: it refused, with its own sentence and status.
    """
    started = time.perf_counter()
    try:
        response = session.functions.invoke(FunctionName=stack.output("PredictAliasArn"), Payload=json.dumps(event))
    except ClientError as error:
        if error_code(error) == "TooManyRequestsException":
            raise PredictionError("prediction: 429: every reserved execution is busy; try again in a second") from error
        raise
    answer = json.loads(response["Payload"].read())
    milliseconds = (time.perf_counter() - started) * 1000
    if response.get("FunctionError"):
        raise PredictionError(
            f"prediction: {answer.get('errorType', 'error')}: {answer.get('errorMessage', answer)};"
            f" see `deploy.py logs predict{session.flags}`"
        )
    body = answer["body"]
    parsed = json.loads(body) if isinstance(body, str) else body
    if answer["statusCode"] != 200:
        raise PredictionError(f"prediction: {answer['statusCode']}: {_message(parsed)}")
    return Answer(parsed["predictions"], parsed.get("model", {}), milliseconds)


def _message(body: Any) -> str:
    return str(body.get("message", body)) if isinstance(body, dict) else str(body)
