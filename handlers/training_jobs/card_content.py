"""What a model's card says, in the members and within the limits of SageMaker's model card JSON schema.

Source: SageMaker developer guide, "Model card JSON schema"; CloudFormation's AWS::SageMaker::ModelCard has its limits.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handlers.contract.settings import Settings
from handlers.contract.states import JobEvaluation, RegisterModelInput
from handlers.training_jobs.provenance import Stored

SHOWN = 20  # of classes and groups, the weakest; evaluation.json has them all
_TEXT, _VALUE, _AXIS = 1000, 255, 63
_CAVEATS = (
    "A picture of anything else than these classes gets one of them all the same. The numbers hold for pictures like"
    " those of the dataset; other cameras, places or times were not tried."
)


def content(
    step: RegisterModelInput,
    settings: Settings,
    evaluation: JobEvaluation,
    model_package_arn: str,
    provenance: Stored,
) -> str:
    """Return the content; for the same run it is the same text, of one line and of ASCII alone."""
    document = {
        "model_overview": _overview(step, settings, evaluation, model_package_arn),
        "intended_uses": _uses(step),
        "training_details": _training(step, settings),
        "evaluation_details": [_evaluation(step, evaluation)],
        "additional_information": {
            "ethical_considerations": _fairness(evaluation),
            "caveats_and_recommendations": _caveats(step),
            "custom_details": _texts(
                {
                    "execution": step.execution_name,
                    "model_package": model_package_arn,
                    "dataset": step.dataset.name,
                    "dataset_fingerprint": step.dataset.fingerprint,
                    "code": settings.training_source_s3_uri,
                    "evaluation": step.evaluation.evaluation_s3_uri,
                    "provenance": provenance.s3_uri,
                    "provenance_sha256": provenance.sha256,
                }
            ),
        },
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _overview(
    step: RegisterModelInput, settings: Settings, evaluation: JobEvaluation, model_package_arn: str
) -> dict[str, Any]:
    names = [row.class_name for row in evaluation.per_class or []]
    return {
        "model_name": step.execution_name,
        "model_description": _cut(
            f"An image classifier of {step.dataset.num_classes:,} classes"
            f"{': ' if names else ''}{_enumeration(names)}. {step.evaluation.served_by}".strip()
        ),
        "model_version": int(model_package_arn.rpartition("/")[2]),
        "problem_type": "Image classification",
        "algorithm_type": f"{settings.model_name}, weights {settings.weights}, trained: {settings.trainable}",
        "model_creator": settings.state_machine_arn,
        "model_owner": settings.stack_name,
        "model_artifact": [step.training.model_data_url],
        "inference_environment": {"container_image": [settings.inference_image_uri]},
    }


def _uses(step: RegisterModelInput) -> dict[str, Any]:
    return {
        "purpose_of_model": "To name the class of one photograph.",
        "intended_uses": _cut(f"Photographs of the kind of dataset {step.dataset.name!r}, one class each."),
        "factors_affecting_model_efficiency": _CAVEATS,
        "risk_rating": "Unknown",
        "explanations_for_risk_rating": "Nobody has rated it: that takes someone who knows what it is used for.",
    }


def _training(step: RegisterModelInput, settings: Settings) -> dict[str, Any]:
    dataset = step.dataset
    given = {name: value for name, value in settings.model_settings().items() if value != ""}
    return {
        "objective_function": {
            "function": {"function": "Maximize", "facet": "Accuracy", "condition": "of the validation pictures"},
            "notes": "Hyperparameters and the epoch that is kept were chosen by it.",
        },
        "training_observations": (
            f"{dataset.num_train:,} pictures to train on, {dataset.num_validation:,} to choose by,"
            f" {dataset.num_test:,} to test with; {dataset.num_unusable:,} could not be used."
        ),
        "training_job_details": {
            "training_arn": step.training.training_job_arn,
            "training_datasets": [dataset.s3_uri],
            "training_environment": {"container_image": [settings.training_image_uri]},
            "training_metrics": [{"name": "best objective of the search", "value": step.tuning.best_objective}],
            "hyper_parameters": _pairs(step.tuning.hyper_parameters),
            "user_provided_hyper_parameters": _pairs(given),
        },
    }


def _evaluation(step: RegisterModelInput, evaluation: JobEvaluation) -> dict[str, Any]:
    judged = step.evaluation
    return {
        "name": "test",
        "evaluation_observation": _cut(
            f"On {judged.num_test_images:,} pictures that had no part in training, as an endpoint answers them."
            + (f" The gate: {judged.evidence}." if judged.evidence else "")
        ),
        "evaluation_job_arn": step.training.training_job_arn,
        "datasets": [step.dataset.test_manifest_s3_uri],
        "metadata": _texts({"threshold": judged.threshold, "num_test_images": judged.num_test_images}),
        "metric_groups": [
            {"name": "all classes", "metric_data": _overall(step, evaluation)},
            *_bars("recall by class, the weakest first", "recall", _by_class(evaluation)),
            *_bars("accuracy by group, the weakest first", "accuracy", _by_group(evaluation)),
        ],
    }


def _overall(step: RegisterModelInput, evaluation: JobEvaluation) -> list[dict[str, Any]]:
    calibration, champion = evaluation.calibration, evaluation.champion
    values = {
        "top-1 accuracy": step.evaluation.accuracy,
        "macro F1": evaluation.macro_f1,
        "expected calibration error": calibration.ece if calibration else None,
        "accuracy less that of the model that served": champion.difference
        if champion and champion.num_images
        else None,
    }
    return [{"name": name, "type": "number", "value": value} for name, value in values.items() if value is not None]


def _by_class(evaluation: JobEvaluation) -> list[tuple[str, float]]:
    return [(row.class_name, row.recall) for row in evaluation.per_class or []]


def _by_group(evaluation: JobEvaluation) -> list[tuple[str, float]]:
    return [(row.group, row.num_right / row.num_images) for row in evaluation.groups or []]


def _bars(title: str, measure: str, rows: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """Return a group of one bar chart, or none where there are no rows."""
    weakest = sorted(rows, key=lambda row: (row[1], row[0]))[:SHOWN]
    if not weakest:
        return []
    chart = {
        "name": measure,
        "type": "bar_chart",
        "value": [round(share, 4) for _, share in weakest],
        "x_axis_name": [name[:_AXIS] for name, _ in weakest],
        "y_axis_name": measure,
    }
    return [{"name": title, "metric_data": [chart]}]


def _fairness(evaluation: JobEvaluation) -> str:
    if evaluation.groups:
        return f"{len(evaluation.groups):,} groups of pictures were compared; no person looked at what they stand for."
    return "No groups were compared: GroupBy names them by the pictures' folders, and MinGroupAccuracy sets a floor."


def _caveats(step: RegisterModelInput) -> str:
    epoch = step.evaluation.broke_down_in_epoch
    return _CAVEATS + (f" Training broke down in epoch {epoch}; the model is of an epoch before." if epoch else "")


def _pairs(values: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"name": name[:_VALUE], "value": _line(str(value))[:_VALUE] or "-"} for name, value in values.items()]


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _cut(str(value)) for name, value in values.items()}


def _enumeration(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(name[:_AXIS] for name in names[:SHOWN]) + more


def _line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 4]} ..."
