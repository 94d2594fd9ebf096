"""Golden predictions: what an endpoint that serves the artifact has to answer for a few pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from inference.inference import input_fn, model_fn, predict_fn
from training.listing import Sample

MAX_GOLDEN = 8
MAX_CANDIDATES = 32
GOLDEN_DIFFERENCE = 0.005  # of a probability; CheckEndpoint allows 0.02


def golden_predictions(model_dir: Path, samples: Sequence[Sample], logits: Tensor) -> list[dict[str, Any]]:
    """Return what the saved artifact answers for up to 8 images, through inference.py itself.

    `logits` (N, num_classes) are the network's for the N `samples`. Images are preferred that it and the served graph
    agree on, so that an endpoint which has to take another engine repeats these predictions too.
    """
    classifier = model_fn(str(model_dir))
    probabilities = logits.double().softmax(dim=1)
    rows: list[tuple[bool, dict[str, Any]]] = []
    for index in golden_candidates(samples):
        image = input_fn(samples[index].path.read_bytes(), "application/x-image")
        best = predict_fn(image, classifier).top_k(1)[0]
        own = probabilities[index]
        same = int(own.argmax()) == best.class_index and abs(float(own.max()) - best.probability) <= GOLDEN_DIFFERENCE
        row = {"path": samples[index].relative_path, "class_name": best.class_name, "probability": best.probability}
        rows.append((same, row))
    return [row for _, row in sorted(rows, key=lambda row: not row[0])[:MAX_GOLDEN]]


def golden_candidates(samples: Sequence[Sample]) -> list[int]:
    """Return up to 32 indices, from as many classes as there are: the first image of each class, then the second."""
    turns: dict[str, int] = {}
    ranked = []
    for index, sample in enumerate(samples):
        turn = turns[sample.class_name] = turns.get(sample.class_name, -1) + 1
        ranked.append((turn, sample.relative_path, index))
    return [index for _, _, index in sorted(ranked)[:MAX_CANDIDATES]]
