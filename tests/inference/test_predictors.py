"""Every engine gives the same answer for the same artifact, within stated tolerances."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference import predictors
from inference.decoding import Pixels
from inference.mapped import release_pages
from inference.model import ModelSpec, build_model
from inference.predictors import WEIGHTS_SUFFIX, OpenVinoPredictor, load_predictor, load_torch_predictor
from inference.preprocessing import Preprocessing
from training.config import parse_config
from training.export.artifact import save_model
from training.model.trained import TrainedModel

PREPROCESSING = Preprocessing.for_image_size(40)
# Of the spread of the logits: fp32 engines add up in another order, half precision has 11 bits.
FP32_TOLERANCE, FP16_TOLERANCE = 1e-3, 2e-2


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact with random weights, served in fp32."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    spec = ModelSpec("resnet18", 5, 0.0)
    trained = TrainedModel(build_model(spec).eval(), spec, PREPROCESSING, list("abcde"))
    save_model(trained, parse_config(["--data", str(folder), "--model-dir", str(folder), "--image-size", "40"], {}))
    return folder


@pytest.fixture(scope="module")
def description(folder: Path) -> dict[str, Any]:
    """What model.json says."""
    fields: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return fields


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """Noise of several kinds."""
    generator = np.random.default_rng(0)
    return [generator.integers(0, 32 * (index + 1), (40, 40, 3), dtype=np.uint8) for index in range(6)]


def test_openvino_and_torch_give_the_same_logits(
    folder: Path, description: dict[str, Any], pictures: list[Pixels]
) -> None:
    """In fp32 to within a thousandth of the logits' spread."""
    fast, plain = load_predictor(folder, description, 1), load_torch_predictor(folder, description, 1)

    expected = np.concatenate([plain.predict(picture).logits for picture in pictures])
    logits = np.concatenate([fast.predict(picture).logits for picture in pictures])

    assert (fast.engine, fast.precision, plain.engine, plain.precision) == ("openvino", "fp32", "torch", "fp32")
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() < FP32_TOLERANCE * expected.std()


def test_biases_are_stored_in_the_shape_in_which_they_are_added(folder: Path) -> None:
    """No node is left that works a shape out, and the network's answers are the same to the last bit."""
    core = predictors.openvino_core()
    picture = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
    read, folded = (core.read_model(folder / "model.onnx") for _ in range(2))

    predictors._store_biases(folded)

    kinds = [{node.get_type_name() for node in model.get_ops()} for model in (read, folded)]
    assert ["Broadcast" in kind for kind in kinds] == [True, False]
    answers = [
        core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([picture])[0] for model in (read, folded)
    ]
    assert np.array_equal(*answers)


def test_overlapping_requests_get_the_answers_of_lone_ones(
    folder: Path, description: dict[str, Any], pictures: list[Pixels]
) -> None:
    """Before and after the streams for overlapping requests are compiled."""
    predictor = OpenVinoPredictor(folder / description["serving"]["file"], "fp32", 40, num_threads=2)
    alone = [predictor.predict(picture).logits for picture in pictures]
    start = threading.Barrier(4)

    def ask(_: int) -> list[Any]:
        start.wait(10)
        return [predictor.predict(picture).logits for picture in pictures * 5]

    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            for answers in pool.map(ask, range(4)):
                for answer, expected in zip(answers, alone * 5, strict=True):
                    assert np.abs(answer - expected).max() < FP32_TOLERANCE * np.concatenate(alone).std()


def test_requests_say_how_long_they_waited_for_the_engine(
    folder: Path, description: dict[str, Any], pictures: list[Pixels]
) -> None:
    """With one stream: the first not at all, a second until the first has left; nobody else is waited for."""
    predictor = OpenVinoPredictor(folder / description["serving"]["file"], "fp32", 40, num_threads=1)
    assert predictor.predict(pictures[0]).waited_seconds == 0.0
    requests = predictor._alone

    first, second = requests._come(), requests._come()
    answered = requests.infer(pictures[0][np.newaxis])  # the engine is free, our own account says it is not
    requests._leave(first)
    requests._leave(second)

    assert answered.waited_seconds == 0.0
    assert second.started_at > second.came_at
    assert predictor.predict(pictures[0]).waited_seconds == 0.0


def test_missing_engine_falls_back_to_torch_and_says_so(
    folder: Path, description: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An endpoint whose container could not install OpenVINO answers all the same."""
    monkeypatch.setitem(sys.modules, "openvino", None)

    predictor = load_predictor(folder, description, 1)

    assert predictor.engine == "torch"
    assert "served with torch, several times slower: openvino" in caplog.text


@pytest.mark.parametrize(
    ("processor", "precision"),
    [
        ("flags\t\t: sse4_2 avx2 avx512f\n", "fp32"),
        ("flags\t\t: avx512f avx512_vnni\n", "int8"),
        ("Features\t: asimd asimddp\n", "int8"),
        (None, "int8"),
    ],
)
def test_int8_serves_only_where_it_is_exact(
    folder: Path,
    description: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processor: str | None,
    precision: str,
) -> None:
    """x86 processors without VNNI saturate: they get the fp32 graph of the same artifact."""
    if processor is not None:
        (tmp_path / "cpuinfo").write_text(processor)
    monkeypatch.setattr(predictors, "CPU_DESCRIPTION", tmp_path / "cpuinfo")
    in_int8 = description | {"serving": description["serving"] | {"precision": "int8"}}

    assert load_predictor(folder, in_int8, 1).precision == precision


def test_artifact_from_before_the_choice_is_served_with_torch(folder: Path, description: dict[str, Any]) -> None:
    """A model.json without "serving" names no graph."""
    older = {name: value for name, value in description.items() if name != "serving"}

    assert load_predictor(folder, older, 1).engine == "torch"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_is_preferred_and_agrees_within_half_precision(
    folder: Path, description: dict[str, Any], pictures: list[Pixels]
) -> None:
    """Half precision gives the logits of fp32 to within two hundredths of their spread."""
    predictor = load_predictor(folder, description, 1)
    plain = OpenVinoPredictor(folder / description["serving"]["file"], "fp32", 40, num_threads=1)

    assert (predictor.engine, predictor.precision) == ("torch", "fp16")
    expected = np.concatenate([plain.predict(picture).logits for picture in pictures])
    logits = np.concatenate([predictor.predict(picture).logits for picture in pictures])
    assert np.abs(logits - expected).max() < FP16_TOLERANCE * expected.std()


def test_the_engine_is_imported_without_its_converter() -> None:
    """It takes more time and memory than the engine; whoever wants it may import it afterwards."""
    script = (
        "import sys; from inference.predictors import openvino_core; openvino_core();"
        "print('openvino.tools.ovc' in sys.modules); import openvino.tools.ovc"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\n"


def test_signals_are_heard_after_predictors_have_gone(folder: Path, description: dict[str, Any]) -> None:
    """A core of OpenVINO has signals written to a stack of its own; the last one's must not be gone."""
    script = (
        "import os, signal, sys; from pathlib import Path; from inference.predictors import OpenVinoPredictor;"
        "signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True));"
        "first, second = [OpenVinoPredictor(Path(sys.argv[1]), 'fp32', 40, num_threads=1) for _ in range(2)];"
        "del first; del second; os.kill(os.getpid(), signal.SIGTERM)"
    )
    file = folder / description["serving"]["file"]
    assert subprocess.check_output([sys.executable, "-c", script, file], text=True) == "told\n"


def test_weights_of_the_compiled_graph_are_given_back(folder: Path, description: dict[str, Any]) -> None:
    """They lie beside the graph, are mapped, and what is compiled has its own."""
    file = folder / description["serving"]["file"]
    predictor = OpenVinoPredictor(file, "fp32", 40, num_threads=1)

    assert release_pages(file.with_suffix(WEIGHTS_SUFFIX)) >= 40e6  # mapped still, for what is compiled later
    assert np.isfinite(predictor.predict(np.zeros((40, 40, 3), np.uint8)).logits).all()
