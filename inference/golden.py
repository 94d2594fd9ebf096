"""Golden pictures of the artifact: an instance answers them as the trained network did before it takes a request.

Training keeps a few pictures in the artifact, with the scores (logits) of its own network, and of the int8 graph where
that serves. A machine whose engine, weights, preprocessing or order of classes give others does not serve.
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.errors import ServingError

GOLDEN_FILE = "golden.json"
# How far a score may be off, as a share of the widest range of scores: docs/serving.md derives them.
TOLERANCES = {"fp32": 0.01, "fp16": 0.03, "int8": 0.05}
SMALLEST_RANGE = 1.0  # of a network that hardly tells classes apart, rounding would be a large share
Logits = NDArray[np.float32]
logger = logging.getLogger(__name__)


class GoldenError(RuntimeError):
    """This machine answers a golden picture with something else than the trained network."""


class Engine(NamedTuple):
    """What answers here."""

    name: str
    precision: str  # fp32, fp16 or int8

    def __str__(self) -> str:
        return f"{self.name} in {self.precision}"

    @property
    def repeats(self) -> str:
        """Return the precision whose scores it repeats: half precision those of the network itself."""
        return "int8" if self.precision == "int8" else "fp32"


def check_golden(folder: Path, class_names: list[str], engine: Engine, answer: Callable[[bytes], Logits]) -> bool:
    """Let `answer` give the logits (1, num_classes) of every golden picture in `folder`; False if there are none.

    Raises:
        GoldenError: one is answered with another class or other scores, or with an error.
    """
    if not (folder / GOLDEN_FILE).is_file():
        logger.warning("the artifact has no golden pictures: what it answers here is not checked before it serves")
        return False
    golden = json.loads((folder / GOLDEN_FILE).read_text(encoding="utf-8"))
    allowed = TOLERANCES[engine.precision] * max(SMALLEST_RANGE, golden["score_range"])
    pictures = [picture for picture in golden["pictures"] if engine.repeats in picture["scores"]]
    for picture in pictures:
        try:
            logits = answer((folder / picture["file"]).read_bytes())[0]
        except (ServingError, OSError) as error:
            raise GoldenError(f"{_wanted(picture)}, seen an error by {engine}: {error}; train again") from error
        compare(picture, engine, dict(zip(class_names, logits.tolist(), strict=True)), allowed)
    logger.info("%d golden pictures are answered as in training, by %s", len(pictures), engine)
    return bool(pictures)


def compare(picture: Mapping[str, Any], engine: Engine, scores: Mapping[str, float], allowed: float) -> None:
    """Raise unless `scores`, by class, are those of the golden picture, none of the best off by more than `allowed`.

    Raises:
        GoldenError: they are not.
    """
    wanted = picture["scores"][engine.repeats]
    best = max(scores, key=lambda name: scores[name])
    off = max(abs(scores.get(name, float("inf")) - score) for name, score in wanted.items())
    if off <= allowed and scores[best] - scores[picture["class_name"]] <= 2 * allowed:
        return
    raise GoldenError(
        f"{_wanted(picture)}, seen {best!r} with {_probability(scores, best):.4f} by {engine} (scores are off by "
        f"{off:.3g}, {allowed:.3g} is allowed); weights, preprocessing, classes or this engine are not those that were "
        "judged, so nothing is served; train again"
    )


def _wanted(picture: Mapping[str, Any]) -> str:
    return f"golden picture {picture['path']!r}: expected {picture['class_name']!r} with {picture['probability']:.4f}"


def _probability(scores: Mapping[str, float], name: str) -> float:
    values = np.array(list(scores.values()))
    return float(1 / np.exp(values - scores[name]).sum())
