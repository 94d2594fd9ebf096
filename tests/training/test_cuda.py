"""What a CUDA device changes, and must not: where numbers are computed, and in which precision.

On a machine with one: `pytest -m cuda`, which takes minutes. All else of training and serving is held on CPUs.
"""

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.decoding import decode_pixels
from inference.inference import input_fn, model_fn, predict_fn
from inference.model import ModelSpec, build_model
from inference.predictors import OpenVinoPredictor
from tests.training.tuning.spaces import SPACE
from training import compute_features, train, tune
from training.tuning.settings import divided

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
_FAST = ["--model-name=resnet18", "--weights=none", "--image-size=32", "--batch-size=8", "--epochs=8", "--lr=0.01"]
_HALF = 0.02  # of the logits' spread: what half precision may change of them


@pytest.fixture
def job(image_folder: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a job with all its channels."""
    (tmp_path / "output").mkdir()
    folders = {"TRAIN": "train", "VALIDATION": "valid", "TEST": "test"}
    channels = {f"SM_CHANNEL_{name}": str(image_folder / folder) for name, folder in folders.items()}
    places = {"SM_OUTPUT_DIR": str(tmp_path / "output"), "SM_MODEL_DIR": str(tmp_path / "model")}
    return channels | places | {"TRAINING_JOB_NAME": "job-1"}


@pytest.mark.parametrize("precision", ["auto", "fp16", "fp32"])
def test_training_learns_in_every_precision(job: dict[str, str], tmp_path: Path, precision: str) -> None:
    """Three colours are told apart, and gradients of float16 do not vanish."""
    assert train.main([*_FAST, f"--precision={precision}"], job) == 0

    report = json.loads((tmp_path / "model" / "evaluation.json").read_text())
    assert report["epochs"][-1]["train_loss"] < report["epochs"][0]["train_loss"]
    assert report["test_top1"] >= 0.9


def test_an_artifact_is_served_by_the_device_and_by_a_processor(
    job: dict[str, str], image_folder: Path, tmp_path: Path
) -> None:
    """What a GPU has trained and answers in half precision, OpenVINO answers on a CPU from the same artifact."""
    assert train.main(_FAST, job) == 0
    model = tmp_path / "model"

    classifier = model_fn(str(model))
    on_cpu = OpenVinoPredictor(model / "model.onnx", "fp32", 32, num_threads=1)

    assert classifier.predictor.engine == "torch"
    for path in sorted((image_folder / "test").rglob("*.jpg")):
        file = input_fn(path.read_bytes(), "application/x-image")
        answer = predict_fn(file, classifier)
        expected = on_cpu.predict(decode_pixels(file, classifier.preprocessing)).logits
        assert np.abs(np.asarray(answer.logits) - expected).max() < _HALF * max(1.0, float(np.ptp(expected)))


def test_features_of_the_device_are_those_of_a_processor(job: dict[str, str], tmp_path: Path) -> None:
    """torch on CUDA and OpenVINO on a CPU see the same pictures, to within TF32's rounding."""
    flags = [*_FAST, "--trainable=head", "--feature-views=1", "--feature-precision=fp32"]
    shards: dict[str, Any] = {}
    for extractor in ("torch", "openvino"):
        folder = tmp_path / extractor
        environ = job | {"SM_MODEL_DIR": str(folder)}
        assert train.main([*flags, f"--extractor={extractor}"], environ, compute_features.run) == 0
        shards[extractor] = [np.load(path) for path in sorted(folder.glob("validation-*.npy"))]

    assert shards["torch"]
    for ours, theirs in zip(shards["torch"], shards["openvino"], strict=True):
        assert np.abs(ours.astype(np.float32) - theirs).max() < _HALF * np.ptp(theirs)


def test_all_trials_train_side_by_side_on_the_device(
    job: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One job on features that the device has computed; each trial's objective is in the log."""
    head = [*_FAST, "--trainable=head", "--dataset-fingerprint=abc"]
    features = tmp_path / "features"
    assert train.main([*head, "--extractor=torch"], job | {"SM_MODEL_DIR": str(features)}, compute_features.run) == 0
    own, others = divided([*head, "--save-model=false", f"--search-space={json.dumps(SPACE)}", "--max-trials=8"])
    environ = {name: value for name, value in job.items() if "CHANNEL" not in name}

    code = train.main(
        others, environ | {"SM_CHANNEL_FEATURES": str(features)}, lambda *given: tune.run(own, *given), "tune.py"
    )

    assert code == 0
    assert len(re.findall(r"^trial \d \w+ with", capsys.readouterr().out, re.MULTILINE)) == 8


def test_a_job_goes_on_from_a_checkpoint_of_the_device(
    job: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights, optimiser and the device's own random numbers are brought back."""
    flags = [*_FAST, f"--checkpoint-dir={tmp_path / 'checkpoints'}", "--checkpoint-seconds=0", "--dropout=0.5"]
    assert train.main(flags, job) == 0
    whole = json.loads((tmp_path / "model" / "evaluation.json").read_text())["epochs"]

    assert train.main(flags, job) == 0

    assert "resumed from checkpoint" in capsys.readouterr().out
    again = json.loads((tmp_path / "model" / "evaluation.json").read_text())["epochs"]
    assert [epoch["epoch"] for epoch in again] == [epoch["epoch"] for epoch in whole]
    assert again[-1]["train_loss"] == pytest.approx(whole[-1]["train_loss"], rel=0.05)


def test_a_profile_tells_the_device_and_its_memory(
    job: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps are timed until the device is done with them, and its own memory is what is reported."""
    assert train.main([*_FAST, "--profile=4"], job) == 0

    assert re.search(r"^profile: images_per_second=[0-9.]+ ", capsys.readouterr().out, re.MULTILINE)
    page = next(tmp_path.rglob("profile.html")).read_text()
    assert torch.cuda.get_device_name(0) in page


def test_the_device_is_faster_than_a_processor() -> None:
    """A network of some size on pictures of some size: or the device is not used at all."""
    network = build_model(ModelSpec("resnet50", 3)).eval()
    pictures = torch.zeros(8, 3, 224, 224)
    seconds = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        network, moved = network.to(device), pictures.to(device)
        with torch.inference_mode():
            network(moved).cpu()  # loads kernels
            started = time.perf_counter()
            network(moved).cpu()
            seconds[name] = time.perf_counter() - started

    assert seconds["cuda"] < seconds["cpu"]
