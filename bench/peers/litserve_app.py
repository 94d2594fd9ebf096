"""LitServe as its guide to speed serves an image classifier: python litserve_app.py ENGINE ARTIFACT PORT WORKERS.

Source: https://lightning.ai/docs/litserve/speed-up-serving-by-200x (base64 in JSON; workers_per_device).
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import litserve  # type: ignore[import-not-found, unused-ignore]  # in the peer's environment alone

ROOT = Path(__file__).resolve().parents[2]
sys.path[:] = [str(ROOT), *sys.path[1:]]

from bench.peers.engines import Answer, Classify, classifier  # noqa: E402


class ImageClassifier(litserve.LitAPI):  # type: ignore[misc, unused-ignore]
    """Decodes, classifies and answers in a worker process."""

    classify: Classify

    def setup(self, _device: str) -> None:
        """Load the network, once a worker."""
        self.classify = classifier(sys.argv[1], Path(sys.argv[2]))

    def decode_request(self, request: dict[str, str]) -> bytes:
        """Return the photograph."""
        return base64.b64decode(request["image_data"])

    def predict(self, photo: bytes) -> Answer:
        """Return its classes."""
        return self.classify(photo)

    def encode_response(self, output: Answer) -> dict[str, Any]:
        """Return the JSON of the answer."""
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(ImageClassifier(), accelerator="cpu", workers_per_device=int(sys.argv[4]))
    server.run(host="127.0.0.1", port=int(sys.argv[3]), generate_client_file=False, log_level="warning")
