"""What passes between states is small, however large the dataset is."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from datasets.fingerprint import folder_fingerprint
from datasets.layout import File
from handlers import validate_dataset
from handlers.contract import states
from handlers.datasets import opening
from tests.handlers.environment import EVENTS

_ROOT = Path(__file__).resolve().parents[3]
_DEFINITION = json.loads((_ROOT / "statemachine" / "pipeline.asl.json").read_text(encoding="utf-8"))["States"]
_PARTS = sorted({path[2:] for state in _DEFINITION.values() if (path := state.get("ResultPath") or "$")[2:]})
_STATE_BYTES = 256 * 1024  # Source: Step Functions developer guide, quotas, "Maximum input or result size"
_NUM_CLASSES, _NAME_CHARACTERS = 10_000, 200
# A part with a mapping, and what bounds it: the hyperparameters that search_space.py tunes.
_BOUNDED = {("Tuning", "hyper_parameters")}


def _model(part: str) -> type[BaseModel]:
    name = {"Model": "RegisteredModel", "ReportFailure": "Failure"}.get(part, part)
    model: type[BaseModel] = getattr(states, name)
    return model


@pytest.mark.parametrize("part", _PARTS)
def test_no_part_of_the_state_grows_with_the_dataset(part: str) -> None:
    """Each field that a state adds is one number or one short text; what is many lies in S3, and its URI here."""
    fields = _model(part).model_fields

    kinds = {name: field.annotation for name, field in fields.items() if (part, name) not in _BOUNDED}

    assert kinds
    assert {name: kind for name, kind in kinds.items() if get_args(kind) or kind not in (str, int, float, bool)} == {}


def test_state_of_ten_thousand_classes_stays_small(
    world: Any, lambda_context: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With names of 200 characters the whole state, as the last state gets it, is a fraction of what is allowed."""
    payload = event("validate_dataset")
    files = [
        File(f"{index:05}{'x' * (_NAME_CHARACTERS - 5)}/{number}.jpg", 1, f"{index}-{number}")
        for index in range(_NUM_CLASSES)
        for number in range(3)
    ]
    monkeypatch.setattr(opening, "dataset_files", lambda bucket, key: files)
    payload["Dataset"]["Fingerprint"] = folder_fingerprint(files)

    dataset = validate_dataset.handler(payload, lambda_context)

    assert dataset["NumClasses"] == _NUM_CLASSES
    whole = json.loads((EVENTS / "report_outcome_succeeded.json").read_text())
    whole["State"]["Dataset"] = dataset
    whole["State"]["Unpacking"] = {"TrainingJobName": "u" * 63}
    whole["State"]["Approval"] = {"Words": "approved by ann"}
    assert set(_PARTS) - {"Failure", "ReportFailure"} <= set(whole["State"]) | {"Dataset"}
    assert len(json.dumps(whole)) < _STATE_BYTES / 16
