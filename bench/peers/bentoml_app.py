"""BentoML as its documentation serves an image classifier: bentoml serve bentoml_app:ImageClassifier.

PEER_ENGINE and PEER_ARTIFACT say what is served, PEER_WORKERS how many processes do.
Source: https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bentoml  # type: ignore[import-not-found, unused-ignore]  # in the peer's environment alone

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

from bench.peers.engines import Answer, classifier  # noqa: E402

WORKERS: Any = os.environ["PEER_WORKERS"]


@bentoml.service(workers=WORKERS if WORKERS == "cpu_count" else int(WORKERS))  # type: ignore[misc, unused-ignore]
class ImageClassifier:
    """One worker process."""

    def __init__(self) -> None:
        self.classify = classifier(os.environ["PEER_ENGINE"], Path(os.environ["PEER_ARTIFACT"]))

    @bentoml.api(route="/classify")  # type: ignore[misc, unused-ignore]
    def classify_photo(self, photo: Path, /) -> Answer:
        """Return the photograph's classes."""
        return self.classify(photo.read_bytes())
