"""Which graph an artifact is served with, and what is recorded of the decision."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inference.model import ModelSpec, build_model
from inference.predictors import OpenVinoPredictor
from inference.preprocessing import Preprocessing
from training import packages
from training.config import TrainingConfig, parse_config
from training.data import calibration
from training.data.calibration import calibration_images
from training.data.splits import Datasets, load_datasets
from training.export import serving as deciding
from training.export.artifact import save_model
from training.export.serving import Serving, accept_int8, export_serving, served_logits
from training.listing import Sample
from training.model.trained import TrainedModel

PREPROCESSING = Preprocessing.for_image_size(32)
COLOURS = {"blue": (30, 30, 220), "green": (30, 200, 30)}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    """A job with two classes of coloured pictures."""
    folder = tmp_path_factory.mktemp("job")
    noise = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for index in range(16):
            split = "valid" if index % 4 == 0 else "train"
            (folder / "data" / split / name).mkdir(parents=True, exist_ok=True)
            pixels = np.clip(noise.normal(colour, 25, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "data" / split / name / f"{index}.png")
    flags = ["--data", str(folder / "data"), "--model-dir", str(folder / "model"), "--image-size", "32"]
    return parse_config([*flags, "--model-name", "resnet18", "--weights", "none"], {})


@pytest.fixture(scope="module")
def datasets(config: TrainingConfig) -> Datasets:
    """The pictures of the job."""
    return load_datasets(config, PREPROCESSING, PREPROCESSING)


@pytest.fixture
def trained() -> TrainedModel:
    """A network that tells the classes apart by their colour."""
    torch.manual_seed(0)
    spec = ModelSpec("resnet18", 2, 0.0)
    return TrainedModel(build_model(spec).eval(), spec, PREPROCESSING, list(COLOURS))


def one_hot(indices: list[int]) -> Any:
    return np.eye(3, dtype=np.float32)[indices]


@pytest.mark.parametrize(
    ("int8", "precision", "words"),
    [
        ([0] * 100, "int8", "agrees with fp32 on 100.0% of 100 validation images and loses 0.00 points"),
        ([0] * 99 + [1], "fp32", "loses 1.00 points; at least 98% and at most 0.5 points are asked for"),
        ([0] * 97 + [1] * 3, "fp32", "agrees with fp32 on 97.0%"),
        ([0] * 18, "fp32", "so few images allow 82.4%, and at least 93% is asked for"),
        ([0] * 52, "int8", "agrees with fp32 on 100.0% of 52 validation images"),
    ],
)
def test_int8_is_taken_only_where_it_answers_as_fp32_does(int8: list[int], precision: str, words: str) -> None:
    """Agreement of at least 0.98, and of 0.93 beyond doubt, and a loss of at most 0.5 points; the reason says what."""
    serving = accept_int8(one_hot([0] * len(int8)), one_hot(int8), np.zeros(len(int8), np.int64))

    assert serving.precision == precision
    assert words in serving.reason
    assert serving.file == ("model.int8.onnx" if precision == "int8" else "model.onnx")


def test_agreement_below_the_limit_is_refused_without_a_loss() -> None:
    """Answers that change, three wrong ones into other wrong ones, are refused though accuracy stays."""
    serving = accept_int8(one_hot([1] * 3 + [0] * 97), one_hot([2] * 3 + [0] * 97), np.zeros(100, np.int64))

    assert (serving.precision, serving.accuracy_loss) == ("fp32", 0.0)


def test_artifact_records_the_decision(config: TrainingConfig, datasets: Datasets, trained: TrainedModel) -> None:
    """model.json names the file that is served, which is in the artifact, and the requirements it needs."""
    serving = save_model(trained, config, datasets)

    description = json.loads((config.model_dir / "model.json").read_text())
    assert description["serving"] == serving.to_dict()
    assert (config.model_dir / str(serving.file)).is_file()
    assert (config.model_dir / "model.onnx").is_file()
    assert serving.num_images == len(datasets.validation)
    assert "openvino==" in (config.model_dir / "code" / "requirements.txt").read_text()


def test_rejected_int8_graph_is_not_shipped(
    config: TrainingConfig,
    datasets: Datasets,
    trained: TrainedModel,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """An artifact holds no graph that may not be served."""
    monkeypatch.setattr(deciding, "MIN_TOP1_AGREEMENT", 1.1)

    serving = export_serving(trained, datasets, tmp_path)

    assert (serving.engine, serving.precision) == ("openvino", "fp32")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.weights"]


@pytest.mark.parametrize("file", ["model.onnx", "model.int8.onnx"])
def test_test_split_is_scored_by_what_is_served(
    datasets: Datasets, trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """The logits are those of the graph that an endpoint loads, image by image, in its precision."""
    monkeypatch.setattr(deciding, "MIN_TRUE_AGREEMENT", 0.0 if "int8" in file else 1.1)
    monkeypatch.setattr(deciding, "MIN_TOP1_AGREEMENT", 0.0)
    monkeypatch.setattr(deciding, "MAX_ACCURACY_LOSS", 1.0)
    serving = export_serving(trained, datasets, tmp_path)
    split = datasets.validation

    logits = served_logits(serving, PREPROCESSING, split, tmp_path)

    predictor = OpenVinoPredictor(tmp_path / file, serving.precision, 32, 1)
    images = next(split.batches(len(split), torch.arange(len(split))))[0]
    expected = np.concatenate([predictor.predict(image.permute(1, 2, 0).numpy()).logits for image in images])
    assert serving.file == file
    assert logits is not None
    assert np.allclose(logits.numpy(), expected, atol=1e-4)


def test_torch_scores_what_torch_serves(datasets: Datasets) -> None:
    """Without a graph the network's own logits are those of the endpoint."""
    assert served_logits(Serving("torch", "fp32", "no graph"), PREPROCESSING, datasets.validation, Path()) is None


def test_without_its_packages_torch_serves(
    trained: TrainedModel, config: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a plain machine nothing is installed; the reason names what is missing and the remedy."""
    monkeypatch.setattr(packages, "_PACKAGES", ("openvino", "no_such_engine"))
    monkeypatch.delenv("SM_MODEL_DIR", raising=False)

    serving = export_serving(trained, None, config.model_dir)

    assert (serving.engine, serving.file) == ("torch", None)
    assert "no_such_engine" in serving.reason
    assert "training/requirements.txt" in serving.reason


def test_training_job_tries_to_install_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """pip is asked once; where it cannot help, as without an index, that is logged and the job goes on."""
    monkeypatch.setattr(packages, "_PACKAGES", ("no_such_engine",))
    monkeypatch.setenv("SM_MODEL_DIR", "/opt/ml/model")
    monkeypatch.setattr("sys.executable", "/bin/false")
    packages._install.cache_clear()

    assert packages.missing_packages() == ["no_such_engine"]
    assert packages.missing_packages() == ["no_such_engine"]
    assert caplog.text.count("requirements.txt could not be installed") == 1
    packages._install.cache_clear()


def test_network_that_cannot_be_exported_is_served_with_torch(
    trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason carries the exporter's own words."""
    monkeypatch.setattr("training.export.onnx_graph.OPSET", 3)

    serving = export_serving(trained, None, tmp_path)

    assert serving.engine == "torch"
    assert serving.reason.startswith("the network cannot be exported to ONNX:")


def test_int8_that_the_engine_refuses_is_said_in_a_line(
    trained: TrainedModel, datasets: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of swin's windows: fp32 serves, and where in the engine it was is for the log."""
    words = (
        "Exception from src/core.cpp:117:\nException from src/plugin.cpp:54:\n[AddTransformation] END: node.\nindex\n"
    )

    def refuse(*_: object) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr("training.export.quantization.quantise", refuse)

    serving = export_serving(trained, datasets, tmp_path)

    assert (serving.precision, serving.file) == ("fp32", "model.onnx")
    assert serving.reason == "int8 failed: RuntimeError: [AddTransformation] END: node"


def test_calibration_images_come_from_every_class(datasets: Datasets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few images are spread evenly over the files, which are sorted by class."""
    monkeypatch.setattr(calibration, "CALIBRATION_IMAGES", 4)

    images = calibration_images(datasets.train.samples, PREPROCESSING)

    blue_over_green = images[..., 2].mean(axis=(1, 2)) > images[..., 1].mean(axis=(1, 2))
    assert blue_over_green.tolist() == [True, True, False, False]


def test_unreadable_calibration_image_is_left_out(datasets: Datasets, tmp_path: Path) -> None:
    """A file that vanished since it was read does not end the job."""
    gone = Sample(tmp_path / "gone.png", "train/blue/gone.png", "blue")

    assert len(calibration_images([gone, *datasets.train.samples[:2]], PREPROCESSING)) == 2


def test_serving_record_is_plain_json() -> None:
    """It goes into two files."""
    record = Serving("torch", "fp32", "why").to_dict()

    assert json.loads(json.dumps(record)) == record
