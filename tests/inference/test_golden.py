"""Golden pictures: an artifact that does not answer as its trained network did is not loaded."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from inference import inference
from inference.golden import Engine, GoldenError, compare
from training.export.artifact import WEIGHTS_FILE
from training.export.golden import GOLDEN_FOLDER, MAX_PICTURE_BYTES, write_golden
from training.export.serving import Serving
from training.listing import Sample
from training.model.trained import TrainedModel

_FP32 = Engine("openvino", "fp32")
_PICTURE: dict[str, Any] = {
    "path": "test/rose/1.jpg",
    "class_name": "rose",
    "probability": 0.9,
    "scores": {"fp32": {"rose": 4.0, "daisy": 1.0}},
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> list[Sample]:
    """Two pictures of the test split, the second too large for the artifact."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "small.jpg").write_bytes(photo)
    (folder / "large.JPG").write_bytes(photo + b"\0" * MAX_PICTURE_BYTES)
    return [Sample(folder / name, f"test/daisy/{name}", "daisy") for name in ("small.jpg", "large.JPG")]


@pytest.fixture
def artifact(model_dir: Path, trained: TrainedModel, photos: list[Sample], tmp_path: Path) -> Path:
    """An artifact with golden pictures, to be damaged."""
    folder = tmp_path / "model"
    shutil.copytree(model_dir, folder)
    write_golden(trained, Serving("openvino", "fp32", "as told", "model.onnx"), photos, folder)
    return folder


def test_a_sound_artifact_loads_with_its_own_pictures(artifact: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Both pictures travel, the large one as a small JPEG, and are answered as the network did."""
    with caplog.at_level(logging.INFO):
        inference.model_fn(str(artifact))

    assert "2 golden pictures are answered as in training, by openvino in fp32" in caplog.text
    sizes = {file.name: file.stat().st_size for file in (artifact / GOLDEN_FOLDER).iterdir()}
    assert sorted(sizes) == ["0.jpg", "1.jpg"]
    assert max(sizes.values()) < MAX_PICTURE_BYTES


def test_an_artifact_without_golden_pictures_loads(model_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One of an older version serves as before, and the log says that it was not checked."""
    inference.model_fn(str(model_dir))

    assert "the artifact has no golden pictures" in caplog.text


def _damage_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn one layer of the weights round, which torch then serves."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    state = torch.load(folder / WEIGHTS_FILE, weights_only=True)
    state["fc.1.weight"].neg_()
    torch.save(state, folder / WEIGHTS_FILE)


def _damage_graph(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overwrite a stretch of the graph's weights with other numbers, in a file of the same length."""
    content = (folder / "model.weights").read_bytes()
    middle = len(content) // 2
    (folder / "model.weights").write_bytes(content[:middle] + b"\x3f" * 400_000 + content[middle + 400_000 :])


def _describe(folder: Path, **changes: Any) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def _forget_normalisation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve the weights by torch without the mean and the deviation of their training."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    other = {"image_size": 40, "resize_size": 40, "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "bilinear"}
    _describe(folder, preprocessing=other)


def _crop_differently(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at another part of the picture than training did."""
    described = json.loads((folder / "model.json").read_text("utf-8"))["preprocessing"]
    _describe(folder, preprocessing=described | {"resize_size": 80})


def _swap_classes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the classes in another order."""
    names = json.loads((folder / "model.json").read_text("utf-8"))["class_names"]
    _describe(folder, class_names=names[::-1])


@pytest.mark.parametrize(
    "damage", [_damage_weights, _damage_graph, _forget_normalisation, _crop_differently, _swap_classes]
)
def test_a_broken_artifact_is_not_loaded(artifact: Path, damage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the picture, what was expected and what is seen, and the engine."""
    damage(artifact, monkeypatch)

    with pytest.raises(
        GoldenError, match=r"golden picture 'test/daisy/small.jpg': expected '.+' with 0\.\d{4}, seen .+ in fp32"
    ):
        inference.model_fn(str(artifact))


def test_a_golden_picture_that_cannot_be_read_is_an_error_seen(artifact: Path) -> None:
    """A machine that cannot decode what training could decode does not serve."""
    (artifact / GOLDEN_FOLDER / "0.jpg").write_bytes(b"no picture")

    with pytest.raises(GoldenError, match="seen an error by openvino in fp32: not a JPEG"):
        inference.model_fn(str(artifact))


def test_int8_repeats_the_scores_of_the_int8_graph() -> None:
    """What int8 answers is judged by what int8 answered; where training could not tell, it is not asked."""
    assert (Engine("openvino", "int8").repeats, Engine("torch", "fp16").repeats) == ("int8", "fp32")


def test_scores_within_the_tolerance_are_the_same() -> None:
    """Rounding moves a score, and may exchange two classes that are as good as equal."""
    compare(_PICTURE, _FP32, {"rose": 4.01, "daisy": 0.99, "tulip": -2.0}, allowed=0.02)
    compare(_PICTURE, _FP32, {"rose": 3.99, "daisy": 1.0, "tulip": 4.0}, allowed=0.02)


@pytest.mark.parametrize(
    "scores",
    [
        {"rose": 4.03, "daisy": 1.0, "tulip": 0.0},
        {"rose": 4.0, "daisy": 1.0, "tulip": 4.05},
        {"daisy": 1.0, "tulip": 0.0, "rose": float("nan")},
    ],
)
def test_other_scores_are_refused(scores: dict[str, float]) -> None:
    """A score off by more, a class that was not among the best, and what is no number."""
    with pytest.raises(GoldenError, match=r"expected 'rose' with 0\.9000, seen "):
        compare(_PICTURE, _FP32, scores, allowed=0.02)


def test_a_worker_of_torchserve_ends_its_server(artifact: Path, tmp_path: Path) -> None:
    """TorchServe answers /ping with 200 for minutes after its workers died, so it has to end."""
    _swap_classes(artifact, pytest.MonkeyPatch())
    parent = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', "
        "'import sys, inference; inference.model_fn(sys.argv[1])', sys.argv[2]]); time.sleep(60)"
    )
    environ = os.environ | {"PYTHONPATH": str(artifact / "code"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", parent, "org.pytorch.serve.ModelServer", str(artifact)]

    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)

    assert done.returncode == -signal.SIGTERM
    assert "golden picture 'test/daisy/small.jpg': expected" in done.stderr
