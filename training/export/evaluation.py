"""evaluation.json: every number that a training job found."""

from dataclasses import asdict
from typing import Any

from torch import Tensor

from training.config import TrainingConfig
from training.data.splits import Datasets
from training.export.groups import group_scores
from training.export.json_files import write_json
from training.export.metrics import split_scores
from training.export.serving import Serving
from training.optimisation.scores import metrics_of
from training.optimisation.state import EpochResult, FitResult
from training.versions import versions


def evaluation_of(
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
        "broke_down_in_epoch": fitted.epochs[-1].epoch if fitted.broke_down else None,  # the loss was no number there
        **_test_scores(datasets, test_logits, config.group_by),
        "golden": golden,
        "serving": None if serving is None else serving.to_dict(),
        "examination": datasets.examination,
        "data_problems": [asdict(problem) for problem in datasets.problems],
        "epochs": [_epoch_row(result) for result in fitted.epochs],
        "versions": versions(),
    }
    return report


def write_evaluation(report: dict[str, Any], config: TrainingConfig) -> None:
    """Write evaluation.json to the output folder."""
    config.output_data_dir.mkdir(parents=True, exist_ok=True)
    write_json(config.output_data_dir / "evaluation.json", report)


def _test_scores(datasets: Datasets, logits: Tensor | None, group_by: str) -> dict[str, Any]:
    if datasets.test is None or logits is None:
        return {"num_test_images": 0, "test_top1": None, "test_loss": None, "per_class": [], "confusions": []}
    split = datasets.test
    metrics = metrics_of(logits, split.labels)
    paths = [sample.relative_path for sample in split.samples]
    probabilities = logits.double().softmax(dim=1).numpy()  # float64: no two classes tie at 1.0
    return {
        "num_test_images": len(split),
        "test_top1": metrics.top1,
        "test_loss": metrics.loss,
        **split_scores(paths, split.labels.numpy(), probabilities, datasets.class_names),
        "groups": group_scores(paths, (logits.argmax(dim=1) == split.labels).tolist(), group_by),
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
