"""The job that computes features, and the jobs that train on them: in this process, as SageMaker would run them."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from datasets.pictures import read_record
from training import compute_features, train

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--model-name", "resnet18", "--weights", "none", "--image-size", "32", "--batch-size", "8", "--epochs", "4"]
HEAD = [*FLAGS, "--trainable", "head", "--lr", "0.01", "--extractor", "torch"]


@pytest.fixture
def channels(image_folder: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a job with the channels train, validation and classes."""
    (tmp_path / "classes").mkdir()
    (tmp_path / "classes" / "classes.json").write_text('["blue", "green", "red"]')
    (tmp_path / "output").mkdir()
    return {
        "SM_CHANNEL_TRAIN": str(image_folder / "train"),
        "SM_CHANNEL_VALIDATION": str(image_folder / "valid"),
        "SM_CHANNEL_CLASSES": str(tmp_path / "classes"),
        "SM_OUTPUT_DIR": str(tmp_path / "output"),
        "SM_OUTPUT_DATA_DIR": str(tmp_path / "output"),
        "TRAINING_JOB_NAME": "job-1",
    }


@pytest.fixture
def on_features(channels: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The environment of a job with the channels features and classes alone, after the features were computed."""
    environ = {**channels, "SM_MODEL_DIR": str(tmp_path / "features")}
    assert train.main([*HEAD, "--dataset-fingerprint", "abc"], environ, compute_features.run) == 0
    assert "feature_images_per_second=" in capsys.readouterr().out
    kept = {
        name: value for name, value in channels.items() if name not in ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION")
    }
    return {**kept, "SM_CHANNEL_FEATURES": str(tmp_path / "features"), "SM_MODEL_DIR": str(tmp_path / "model")}


def test_tuning_job_needs_nothing_but_features(
    on_features: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No image is there to be read; the lines for the metric regexes are those of any job."""
    assert train.main([*HEAD, "--save-model", "false", "--dataset-fingerprint", "abc"], on_features) == 0

    out = capsys.readouterr().out
    assert len(re.findall(r"^epoch=\d train_loss=[0-9.]+ train_top1=", out, re.MULTILINE)) == 4
    assert re.search(r"^best_epoch=\d best_validation_top1=[0-9.]+$", out, re.MULTILINE)
    report = json.loads((tmp_path / "output" / "evaluation.json").read_text())
    assert (report["num_train_images"], report["num_validation_images"], report["class_names"][0]) == (24, 12, "blue")
    assert report["trained_on"] == "features"
    assert not (tmp_path / "model").exists()


def test_features_come_with_the_record_of_what_was_read(on_features: dict[str, str], image_folder: Path) -> None:
    """So that a run which ends before its last job has its pictures' SHA-256 all the same."""
    _, pictures = read_record((Path(on_features["SM_CHANNEL_FEATURES"]) / "pictures.jsonl").read_text().splitlines())

    record = {(one.split, one.path): (one.sha256, one.size) for one in pictures}

    red = (image_folder / "train" / "red" / "1.jpg").read_bytes()
    assert len(record) == 36
    assert record["train", "red/1.jpg"] == (hashlib.sha256(red).hexdigest(), len(red))


def test_tuning_job_loads_nothing_that_it_does_not_use(on_features: dict[str, str]) -> None:
    """What is imported at the start of each of twenty jobs is paid for twenty times."""
    heavy = ("torch._dynamo", "torchvision", "sklearn", "matplotlib", "onnx", "openvino", "boto3", "optuna")
    script = (
        "import os, sys; from training import train; code = train.main(sys.argv[1:], os.environ); "
        f"print('loaded', [name for name in {heavy} if name in sys.modules]); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, *HEAD, "--save-model", "false"]

    environ = {**os.environ, **on_features}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_final_job_saves_the_whole_network_and_tests_it(
    on_features: dict[str, str], image_folder: Path, tmp_path: Path
) -> None:
    """Without the training images: int8 is calibrated on those kept with the features, and judged on validation's."""
    environ = {**on_features, "SM_CHANNEL_TEST": str(image_folder / "test")}
    environ["SM_CHANNEL_VALIDATION"] = str(image_folder / "valid")

    assert train.main([*HEAD, "--head", "mlp", "--head-width", "16", "--mixup", "0.2"], environ) == 0

    report = json.loads((tmp_path / "output" / "evaluation.json").read_text())
    assert report["num_test_images"] == 12
    assert len(report["golden"]) == 8
    assert (report["serving"]["num_images"], report["serving"]["reason"][:20]) == (12, "int8 agrees with fp3")
    _, recorded = read_record((tmp_path / "output" / "pictures.jsonl").read_text().splitlines())
    paths = {
        (one.split, one.path): one.sha256 for one in recorded if one.sha256
    }  # of train, whose pictures are not here, the features say it
    assert len(paths) == 48
    red = hashlib.sha256((image_folder / "test" / "red" / "1.jpg").read_bytes()).hexdigest()
    assert paths["test", "red/1.jpg"] == red
    model = json.loads((tmp_path / "model" / "model.json").read_text())
    assert (model["head"], model["head_width"]) == ("mlp", 16)
    weights = torch.load(tmp_path / "model" / "model.pt", weights_only=True)
    assert {"conv1.weight", "fc.1.weight", "fc.4.bias"} <= set(weights)


def test_score_on_features_is_the_network_s_score_on_images(
    on_features: dict[str, str], image_folder: Path, tmp_path: Path
) -> None:
    """Scored as a test split, the validation images give what the features gave, but for the rounding of bfloat16."""
    environ = {**on_features, "SM_CHANNEL_TEST": str(image_folder / "valid")}

    assert train.main([*HEAD, "--max-duplicates", "1", "--calibrate", "false"], environ) == 0

    report = json.loads((tmp_path / "output" / "evaluation.json").read_text())
    assert report["test_loss"] == pytest.approx(report["best_validation_loss"], abs=0.02)


def test_same_seed_gives_the_same_losses(on_features: dict[str, str], tmp_path: Path) -> None:
    """Views, order and dropout are all drawn from the seed."""
    losses = []
    for _ in range(2):
        assert train.main([*HEAD, "--save-model", "false"], on_features) == 0
        report = json.loads((tmp_path / "output" / "evaluation.json").read_text())
        losses.append([(row["train_loss"], row["validation_loss"]) for row in report["epochs"]])

    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("extra", "code", "sentence"),
    [
        (["--trainable", "full"], 2, "unfreeze_depth=-1 needs images, but the job trains on features"),
        (["--seed", "1"], 1, "the features are of seed 0, the job of 1; compute them again"),
        (["--dataset-fingerprint", "def"], 1, "the features are of dataset_fingerprint 'abc', the job of 'def'"),
    ],
)
def test_features_that_do_not_fit_fail_the_job_in_one_sentence(
    on_features: dict[str, str], tmp_path: Path, extra: list[str], code: int, sentence: str
) -> None:
    """Before anything is trained."""
    assert train.main([*HEAD, *extra], on_features) == code
    assert sentence in (tmp_path / "output" / "failure").read_text()


def test_plain_machine_computes_once_and_reuses(
    image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--features FOLDER` fills an empty folder and uses a full one, on the same data alone."""
    folders = ["--data", str(image_folder), "--features", str(tmp_path / "kept"), "--model-dir", str(tmp_path / "out")]

    for run in range(2):
        assert train.main([*HEAD, *folders, "--save-model", "false"], {}) == 0
        assert ("feature_seconds=" in capsys.readouterr().out) is (run == 0)
    (image_folder / "train" / "red" / "0.jpg").unlink()
    assert train.main([*HEAD, *folders, "--save-model", "false"], {}) == 1
    assert "are of other data: 'train/red/0.jpg' is not in the train split now" in capsys.readouterr().err


def test_computing_without_images_is_refused(on_features: dict[str, str], tmp_path: Path) -> None:
    """A missing channel is named before a network is built."""
    assert train.main(HEAD, on_features, compute_features.run, "compute_features.py") == 2
    assert "no images to compute features of" in (tmp_path / "output" / "failure").read_text()
