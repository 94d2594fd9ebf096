"""Golden predictions: what an endpoint that serves the artifact has to answer for a few pictures.

CheckEndpoint asks the live endpoint about those in evaluation.json. Four of them are in the artifact too, with their
scores, and every instance asks itself before it takes a request.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.decoding import decode_pixels
from inference.golden import GOLDEN_FILE, Logits
from inference.inference import input_fn, load_classifier, predict_fn
from inference.model import predict_logits
from inference.predictors import OpenVinoPredictor, multiplies_int8_exactly
from training.export.json_files import write_json
from training.export.report_html import thumbnails
from training.export.serving import Serving
from training.listing import Sample
from training.model.trained import TrainedModel

MAX_GOLDEN = 8
GOLDEN_FOLDER = "golden"
MAX_IN_ARTIFACT = 4
MAX_PICTURE_BYTES = 256 * 1024  # a larger one is in the artifact as a small JPEG of its centre square
BEST_SCORES = 5
MAX_CANDIDATES = 32
GOLDEN_DIFFERENCE = 0.005  # of a probability; CheckEndpoint allows 0.02


def golden_predictions(model_dir: Path, samples: Sequence[Sample], logits: Tensor) -> list[dict[str, Any]]:
    """Return what the saved artifact answers for up to 8 images, through inference.py itself.

    `logits` (N, num_classes) are the network's for the N `samples`. Images are preferred that it and the served graph
    agree on, so that an endpoint which has to take another engine repeats these predictions too.
    """
    classifier = load_classifier(model_dir)
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


def write_golden(trained: TrainedModel, serving: Serving, samples: Sequence[Sample], folder: Path) -> None:
    """Put up to four of `samples` into the artifact in `folder`, with what the network and its int8 graph answer."""
    (folder / GOLDEN_FOLDER).mkdir(exist_ok=True)
    chosen = samples[:MAX_IN_ARTIFACT]
    files = [_small_copy(sample, trained, folder / GOLDEN_FOLDER / str(number)) for number, sample in enumerate(chosen)]
    pixels = [decode_pixels(file.read_bytes(), trained.preprocessing) for file in files]
    images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
    scores = {"fp32": predict_logits(trained.network.eval(), images, trained.preprocessing).cpu().numpy()}
    if serving.precision == "int8" and serving.file and multiplies_int8_exactly():
        side, num_threads = trained.preprocessing.image_size, torch.get_num_threads()
        predictor = OpenVinoPredictor(folder / serving.file, "int8", side, num_threads)
        scores["int8"] = np.concatenate([predictor.predict(image).logits for image in pixels])
    document = {
        "score_range": float(scores["fp32"].max() - scores["fp32"].min()),
        "pictures": [
            {"file": f"{GOLDEN_FOLDER}/{file.name}", "path": sample.relative_path, **_answer(trained, scores, number)}
            for number, (file, sample) in enumerate(zip(files, chosen, strict=True))
        ],
    }
    write_json(folder / GOLDEN_FILE, document)


def _small_copy(sample: Sample, trained: TrainedModel, path: Path) -> Path:
    """Copy the picture as it is, or as a JPEG of the part that the network looks at; return the file."""
    if sample.path.stat().st_size > MAX_PICTURE_BYTES:
        path = path.with_suffix(".jpg")
        path.write_bytes(thumbnails([sample], trained.preprocessing.resize_size)[sample.relative_path])
        return path
    return Path(shutil.copyfile(sample.path, path.with_suffix(sample.path.suffix.lower())))


def _answer(trained: TrainedModel, scores: dict[str, Logits], number: int) -> dict[str, Any]:
    """Return the class of a picture, its probability and the best scores by precision and class."""
    rows = {precision: logits[number] for precision, logits in scores.items()}
    shown = rows.get("int8", rows["fp32"])
    best, shares = int(shown.argmax()), torch.from_numpy(shown).double().softmax(dim=0)
    return {
        "class_name": trained.class_names[best],
        "probability": float(shares[best]),
        "scores": {precision: dict(_best(trained.class_names, row)) for precision, row in rows.items()},
    }


def _best(class_names: Sequence[str], row: Logits) -> Iterator[tuple[str, float]]:
    for index in np.argsort(-row, kind="stable")[:BEST_SCORES].tolist():
        yield class_names[index], float(row[index])
