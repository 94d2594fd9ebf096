"""tune.py as a job: on features that another has computed, and what it refuses."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.training.tuning.clouds import CLASSES, split
from tests.training.tuning.spaces import GRID, SPACE
from training import train, tune
from training.features.store import FeatureWriter
from training.tuning.settings import divided

_FLAGS = ["--model-name=resnet18", "--weights=none", "--trainable=head", "--epochs=3", "--save-model=false"]
_SPACE = [f"--search-space={json.dumps(SPACE)}", "--max-trials=4"]
Run = Callable[..., int]


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """A folder of features as compute_features.py leaves it."""
    folder = tmp_path / "features"
    writer = FeatureWriter(folder)
    for name, count, views in (("train", 96, 3), ("validation", 60, 1)):
        made = split(name, count, views, 1)
        writer.write_split(name, made.samples, [torch.from_numpy(made.shards[0].astype("float32"))])
    backbone = {"model_name": "resnet18", "weights": "none", "sha256": ""}
    writer.finish(
        {
            "backbone": backbone, "image_size": 224, "augment": "basic", "randaugment": 0, "seed": 0,
            "precision": "fp32", "dataset_fingerprint": "abc", "class_names": [f"class {n}" for n in range(CLASSES)],
            "data_problems": [],
        }
    )  # fmt: skip
    return folder


@pytest.fixture
def run(features: Path, tmp_path: Path) -> Run:
    """Run a job with the channel of features and these flags; return its exit code."""
    environ = {
        "SM_CHANNEL_FEATURES": str(features),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_OUTPUT_DIR": str(tmp_path / "output"),
    }

    def call(*flags: str, **more: str) -> int:
        (tmp_path / "output").mkdir(exist_ok=True)
        own, others = divided([*_FLAGS, *flags])
        return train.main(others, environ | more, partial(tune.run, own), "tune.py")

    return call


def test_all_trials_run_in_one_job(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log names each trial, and its last objective is the one that SageMaker's regex reads."""
    assert run(*_SPACE) == 0

    out = capsys.readouterr().out
    written = json.loads((tmp_path / "model" / "trials.json").read_text())
    best = max(one["objective"] for one in written["trials"])
    assert re.findall(r"^trial (\d) \w+ with", out, re.MULTILINE) == ["1", "2", "3", "4"]
    assert re.findall(r"best_validation_top1=([0-9.]+)", out) == [f"{best:.4f}"]


def test_a_grid_ends_with_its_combinations(run: Run, tmp_path: Path) -> None:
    """However many trials there may be."""
    assert run(f"--search-space={json.dumps(GRID)}", "--tuning-strategy=Grid", "--max-trials=9") == 0

    written = json.loads((tmp_path / "model" / "trials.json").read_text())
    assert len({json.dumps(one["hyperparameters"]) for one in written["trials"]}) == 4


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        ([], {}, "search_space is empty"),
        ([*_SPACE, "--save-model=true"], {}, "trains heads alone; give --features"),
        (_SPACE, {"SM_CHANNEL_FEATURES": "", "SM_CHANNEL_TRAIN": "a", "SM_CHANNEL_VALIDATION": "b"}, "heads alone"),
        (_SPACE, {"WORLD_SIZE": "2"}, "several processes would each run the same trials"),
        ([*_SPACE, "--dataset-fingerprint=def"], {}, "the features are of dataset_fingerprint 'abc'"),
    ],
)  # fmt: skip
def test_a_job_that_cannot_tune_says_why(
    run: Run, tmp_path: Path, flags: list[str], environ: dict[str, str], message: str
) -> None:
    """In one sentence, which SageMaker shows."""
    assert run(*flags, **environ) in (1, 2)

    assert message in (tmp_path / "output" / "failure").read_text()
