"""What a training job leaves behind: the model artifact that an endpoint serves, and evaluation.json."""

import json
import math
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import PIL
import torch
from torch import Tensor, nn

from training.config import TrainingConfig
from training.data import Datasets, Sample
from training.metrics import split_scores
from training.model import ModelSpec
from training.preprocessing import Preprocessing
from training.scores import metrics_of
from training.state import EpochResult, FitResult

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS_FILE = "model.pt"
# inference.py and all of ours that it imports; the serving container supplies torch, torchvision, Pillow and numpy.
SERVING_FILES = (
    ("inference/inference.py", "inference.py"),
    ("inference/requirements.txt", "requirements.txt"),
    ("training/__init__.py", "training/__init__.py"),
    ("training/errors.py", "training/errors.py"),
    ("training/model.py", "training/model.py"),
    ("training/preprocessing.py", "training/preprocessing.py"),
    ("training/torchvision_ops.py", "training/torchvision_ops.py"),
)
MAX_GOLDEN = 8


@dataclass(frozen=True)
class TrainedModel:
    """A network with all that is needed to serve it."""

    network: nn.Module
    spec: ModelSpec
    preprocessing: Preprocessing
    class_names: list[str]


def save_model(trained: TrainedModel, config: TrainingConfig) -> None:
    """Write weights, model.json and code/ to the model folder; a half-written artifact is never left under its name."""
    folder = config.model_dir
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in trained.network.state_dict().items()}
    torch.save(state, folder / f"{WEIGHTS_FILE}.partial")
    for source, target in SERVING_FILES:
        (folder / "code" / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, folder / "code" / target)
    _write_json(folder / "model.json", model_description(trained, config))
    (folder / f"{WEIGHTS_FILE}.partial").replace(folder / WEIGHTS_FILE)


def model_description(trained: TrainedModel, config: TrainingConfig) -> dict[str, Any]:
    """Return the content of model.json."""
    return {
        "format_version": 1,
        "weights_file": WEIGHTS_FILE,
        "class_names": trained.class_names,
        **trained.spec.to_dict(),
        "preprocessing": trained.preprocessing.to_dict(),
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
) -> dict[str, Any]:
    """Return the content of evaluation.json; without a test split its scores are null."""
    report: dict[str, Any] = {
        "training_job_name": config.training_job_name,
        "dataset_fingerprint": config.dataset_fingerprint,
        "seed": config.seed,
        "hyperparameters": config.hyperparameters(),
        "class_names": datasets.class_names,
        "num_train_images": len(datasets.train),
        "num_validation_images": len(datasets.validation),
        "best_epoch": fitted.best_epoch,
        "best_validation_top1": fitted.best_validation.top1,
        "best_validation_loss": fitted.best_validation.loss,
        **_test_scores(datasets, test_logits),
        "golden": golden,
        "data_problems": [asdict(problem) for problem in datasets.problems],
        "epochs": [_epoch_row(result) for result in fitted.epochs],
        "versions": versions(),
    }
    return report


def write_evaluation(report: dict[str, Any], config: TrainingConfig) -> None:
    """Write evaluation.json to the output folder."""
    config.output_data_dir.mkdir(parents=True, exist_ok=True)
    _write_json(config.output_data_dir / "evaluation.json", report)


def golden_predictions(model_dir: Path, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return what the saved artifact answers for up to 8 images, through inference.py itself."""
    from inference import inference

    classifier = inference.model_fn(str(model_dir))
    rows = []
    for sample in golden_samples(samples):
        images = inference.input_fn(sample.path.read_bytes(), "application/x-image")
        best = inference.predict_fn(images, classifier).top_k(1)[0]
        rows.append({"path": sample.relative_path, "class_name": best.class_name, "probability": best.probability})
    return rows


def golden_samples(samples: Sequence[Sample]) -> list[Sample]:
    """Return up to 8 images, from as many classes as there are: the first image of each class, then the second."""
    turns: dict[str, int] = {}
    ranked = []
    for sample in samples:
        turn = turns[sample.class_name] = turns.get(sample.class_name, -1) + 1
        ranked.append((turn, sample.relative_path, sample))
    return [sample for _, _, sample in sorted(ranked, key=lambda row: row[:2])[:MAX_GOLDEN]]


def versions() -> dict[str, str]:
    """Return the versions that a number in evaluation.json depends on."""
    import torchvision

    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": torchvision.__version__,
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
