"""What an honest evaluation of many classes needs fits into what the gate reads."""

import json

import numpy as np
import pytest

from handlers.contract.errors import ModelRejectedError
from handlers.contract.states import EvaluateModelInput
from handlers.training_jobs.evaluations import MAX_EVALUATION_BYTES, judge, parsed
from tests.handlers.environment import EVENTS, EXECUTION
from training.export.json_files import write_json
from training.export.metrics import confusions, per_class_scores

NUM_CLASSES = 10_000
NAME_CHARACTERS = 200


def test_ten_thousand_classes_pass_the_gate(tmp_path):
    """200,000 test images, every second one taken for another class, 20,000 problems of the data, names of CJK."""
    names = [f"{index:05}".ljust(NAME_CHARACTERS, "\N{CJK UNIFIED IDEOGRAPH-8C93}") for index in range(NUM_CLASSES)]
    random = np.random.default_rng(0)
    labels = np.arange(200_000) % NUM_CLASSES
    predicted = np.where(random.random(len(labels)) < 0.5, labels, random.integers(NUM_CLASSES, size=len(labels)))
    step = EvaluateModelInput.model_validate(json.loads((EVENTS / "evaluate_model.json").read_text()))
    path = tmp_path / "evaluation.json"
    write_json(
        path,
        {
            "training_job_name": EXECUTION,
            "dataset_fingerprint": "5f" * 32,
            "class_names": names,
            "num_test_images": len(labels),
            "test_top1": float((labels == predicted).mean()),
            "per_class": per_class_scores(labels, predicted, names),
            "confusions": confusions(labels, predicted),
            "data_problems": [
                {"path": f"train/rose/{index:09}.jpg", "reason": "the same picture again", "kind": "duplicate"}
                for index in range(20_000)
            ],
        },
    )

    data = path.read_bytes()

    assert len(data) < MAX_EVALUATION_BYTES
    assert judge(parsed(data, "s3://bucket/output.tar.gz"), step, 0.4).num_test_images == 200_000


def test_hostile_golden_predictions_are_one_refusal():
    """A million of them are not looked at one by one."""

    step = EvaluateModelInput.model_validate(json.loads((EVENTS / "evaluate_model.json").read_text()))
    good = {"training_job_name": EXECUTION, "dataset_fingerprint": "5f" * 32, "num_test_images": 1, "test_top1": 1.0}

    with pytest.raises(ModelRejectedError, match=r"golden\.0 in evaluation\.json: 0; "):
        judge({**good, "golden": [0] * 1_000_000}, step, 0.9)
