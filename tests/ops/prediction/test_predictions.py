"""What `deploy.py predict` sends, and how it words what comes back."""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ops.errors import PredictionError
from ops.prediction import predictions
from ops.session import Session
from ops.stack.stacks import Stack

STACK = Stack("id", "CREATE_COMPLETE", {"PredictAliasArn": "arn:live"}, {})


class Functions:
    """Lambda, answering always the same."""

    def __init__(self, answer: dict[str, Any], **more: Any) -> None:
        self._response = {"Payload": BytesIO(json.dumps(answer).encode()), **more}

    def invoke(self, **_: Any) -> dict[str, Any]:
        """Return the answer."""
        return self._response


@pytest.mark.parametrize(
    ("target", "field"),
    [("https://example.org/dog.jpg", "url"), ("s3://bucket/dog.jpg", "s3_uri")],
)
def test_payload_tells_where_the_picture_is(target: str, field: str) -> None:
    """A URL and an S3 URI are passed on as they are."""
    assert predictions.payload(target, 5) == {field: target, "top_k": 5}


def test_payload_carries_a_local_file(tmp_path: Path) -> None:
    """A picture on this machine travels in the event."""
    (tmp_path / "dog.jpg").write_bytes(b"bytes of a dog")

    event = predictions.payload(str(tmp_path / "dog.jpg"), 3)

    assert base64.b64decode(event["image"]) == b"bytes of a dog"


def test_payload_refuses_what_cannot_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there or too large for an event is named before anything is sent."""
    (tmp_path / "large.jpg").write_bytes(b"1234")
    monkeypatch.setattr(predictions, "_MAX_BYTES", 3)

    with pytest.raises(PredictionError, match="no such file"):
        predictions.payload(str(tmp_path / "dog.jpg"), 3)
    with pytest.raises(PredictionError, match="4 bytes; a Lambda takes"):
        predictions.payload(str(tmp_path / "large.jpg"), 3)


@pytest.mark.parametrize(
    ("answer", "more", "words"),
    [
        ({"statusCode": 403, "body": '{"error": "Forbidden", "message": "bucket"}'}, {}, "prediction: 403: bucket"),
        ({"errorType": "Oops", "errorMessage": "no"}, {"FunctionError": "Unhandled"}, "prediction: Oops: no; see"),
    ],
)
def test_refusals_are_one_sentence(answer: dict[str, Any], more: dict[str, Any], words: str) -> None:
    """A status other than 200 and a failed function end the command with the reason."""
    session = Session("retriever", "us-east-1", "123456789012")
    session.__dict__["functions"] = Functions(answer, **more)

    with pytest.raises(PredictionError, match=words):
        predictions.predict(session, STACK, {})
