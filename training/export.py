"""What a training job leaves behind: the model artifact that an endpoint serves, and evaluation.json."""

import json
import math
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy
import PIL
import torch
from torch import Tensor

import inference
from training.config import TrainingConfig
from training.data import Datasets
from training.listing import Sample
from training.metrics import split_scores
from training.model.trained import TrainedModel
from training.scores import metrics_of
from training.serving_export import Serving, export_serving
from training.state import EpochResult, FitResult

INFERENCE = Path(inference.__file__).resolve().parent
WEIGHTS_FILE = "model.pt"
REQUIREMENTS_FILE = "requirements.txt"
NOT_SERVED = shutil.ignore_patterns("__pycache__", REQUIREMENTS_FILE)
MAX_GOLDEN = 8
MAX_CANDIDATES = 32
GOLDEN_DIFFERENCE = 0.005  # of a probability; CheckEndpoint allows 0.02


def save_model(trained: TrainedModel, config: TrainingConfig, datasets: Datasets | None = None) -> Serving:
    """Write weights, graphs, model.json and code/ to the model folder; a half-written artifact has no weights file.

    The graph is brought to int8 on the images of `datasets`, where it then answers as the network does.
    """
    folder = config.model_dir
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in trained.network.state_dict().items()}
    torch.save(state, folder / f"{WEIGHTS_FILE}.partial")
    shutil.copytree(INFERENCE, folder / "code", ignore=NOT_SERVED, dirs_exist_ok=True)
    serving = export_serving(trained, datasets, folder)
    if serving.engine != "torch":  # else the container, which installs them at every start, has all that is needed
        shutil.copyfile(INFERENCE / REQUIREMENTS_FILE, folder / "code" / REQUIREMENTS_FILE)
    _write_json(folder / "model.json", model_description(trained, config, serving))
    (folder / f"{WEIGHTS_FILE}.partial").replace(folder / WEIGHTS_FILE)
    return serving


def model_description(trained: TrainedModel, config: TrainingConfig, serving: Serving) -> dict[str, Any]:
    """Return the content of model.json."""
    return {
        "format_version": 1,
        "weights_file": WEIGHTS_FILE,
        "class_names": trained.class_names,
        **trained.spec.to_dict(),
        "preprocessing": trained.preprocessing.to_dict(),
        "serving": serving.to_dict(),
        "dataset_fingerprint": config.dataset_fingerprint,
        "training_job_name": config.training_job_name,
        "versions": versions(),
    }


def evaluation(
    config: TrainingConfig,
    datasets: Datasets,
    fitted: FitResult,
    test_logits: Tensor | None,
    golden: list[dict[str, Any]],
    serving: Serving | None = None,
) -> dict[str, Any]:
    """Return the content of evaluation.json; without a test split its scores are null."""
    report: dict[str, Any] = {
        "training_job_name": config.training_job_name,
        "dataset_fingerprint": config.dataset_fingerprint,
        "seed": config.seed,
        "hyperparameters": config.hyperparameters(),
        "class_names": datasets.class_names,
        "trained_on": "images" if config.features is None else "features",  # that images_per_second counts
        "num_train_images": len(datasets.train),
        "num_validation_images": len(datasets.validation),
        "best_epoch": fitted.best_epoch,
        "best_validation_top1": fitted.best_validation.top1,
        "best_validation_loss": fitted.best_validation.loss,
        **_test_scores(datasets, test_logits),
        "golden": golden,
        "serving": None if serving is None else serving.to_dict(),
        "data_problems": [asdict(problem) for problem in datasets.problems],
        "epochs": [_epoch_row(result) for result in fitted.epochs],
        "versions": versions(),
    }
    return report


def write_evaluation(report: dict[str, Any], config: TrainingConfig) -> None:
    """Write evaluation.json to the output folder."""
    config.output_data_dir.mkdir(parents=True, exist_ok=True)
    _write_json(config.output_data_dir / "evaluation.json", report)


def golden_predictions(model_dir: Path, samples: Sequence[Sample], logits: Tensor) -> list[dict[str, Any]]:
    """Return what the saved artifact answers for up to 8 images, through inference.py itself.

    `logits` (N, num_classes) are the network's for the N `samples`. Images are preferred that it and the served graph
    agree on, so that an endpoint which has to take another engine repeats these predictions too.
    """
    from inference.inference import input_fn, model_fn, predict_fn

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


def versions() -> dict[str, str]:
    """Return the versions that a number in evaluation.json depends on."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": metadata.version("torchvision"),  # importing it takes 0.2 s
        "pillow": PIL.__version__,
        "numpy": numpy.__version__,
    }


def _test_scores(datasets: Datasets, logits: Tensor | None) -> dict[str, Any]:
    if datasets.test is None or logits is None:
        return {"num_test_images": 0, "test_top1": None, "test_loss": None, "per_class": [], "confusion_matrix": []}
    split = datasets.test
    metrics = metrics_of(logits, split.labels)
    paths = [sample.relative_path for sample in split.samples]
    probabilities = logits.double().softmax(dim=1).numpy()  # float64: no two classes tie at 1.0
    return {
        "num_test_images": len(split),
        "test_top1": metrics.top1,
        "test_loss": metrics.loss,
        **split_scores(paths, split.labels.numpy(), probabilities, datasets.class_names),
    }


def _epoch_row(result: EpochResult) -> dict[str, Any]:
    return {
        "epoch": result.epoch,
        "train_loss": result.train.loss,
        "train_top1": result.train.top1,
        "validation_loss": result.validation.loss,
        "validation_top1": result.validation.top1,
        "seconds": round(result.seconds, 3),
        "images_per_second": round(result.images_per_second, 1),
        "learning_rate": result.learning_rate,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    """Return `value` with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
