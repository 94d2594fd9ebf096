"""The int8 form of a graph."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from inference.model import ModelSpec, build_model
from inference.predictors import openvino_core
from inference.preprocessing import Preprocessing
from training.export.onnx_graph import export_onnx, keep_weights_beside
from training.export.quantization import activation_ranges, quantise

PREPROCESSING = Preprocessing.for_image_size(40)


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """Smooth pictures, each with its own colours."""
    ramps = np.linspace(0, 1, 40)
    tints = np.random.default_rng(0).uniform(0, 1, (10, 1, 1, 3))
    pictures = tints * ramps[:, None, None] + (1 - tints) * ramps[None, :, None]
    return (255 * pictures).astype(np.uint8)


@pytest.fixture(scope="module", params=["resnet18", "mobilenet_v3_small"])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights, exported."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("graph") / f"{request.param}.onnx"
    export_onnx(build_model(ModelSpec(request.param, 5, 0.0)).eval(), PREPROCESSING, path)
    return path


@pytest.fixture(scope="module")
def int8_graph(graph: Path, images: NDArray[np.uint8]) -> Path:
    """The same graph in int8."""
    target = graph.with_suffix(".int8.onnx")
    quantise(graph, target, images, num_threads=1)
    return target


def logits(path: Path, images: NDArray[np.uint8]) -> Any:
    network = openvino_core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return network([images])[0]


def test_int8_logits_are_close_to_fp32(graph: Path, int8_graph: Path, images: NDArray[np.uint8]) -> None:
    """The root mean square of the differences is below a tenth of the logits' own spread over images and classes."""
    expected = logits(graph, images)

    difference = logits(int8_graph, images) - expected

    assert np.sqrt((difference**2).mean()) < 0.1 * expected.std()


def test_every_convolution_reads_int8(graph: Path, int8_graph: Path) -> None:
    """Its weights are stored in int8, so the file is about a quarter as large, and its input is quantised."""
    model = onnx.load(str(int8_graph))
    onnx.checker.check_model(model)
    makers = {output: node for node in model.graph.node for output in node.output}
    stored = {tensor.name: tensor.data_type for tensor in model.graph.initializer}

    convolutions = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]

    assert convolutions
    for node in convolutions:
        source = makers[node.input[0]]
        source = makers[source.input[0]] if source.op_type == "MaxPool" else source  # int8 before it is int8 behind it
        assert [source.op_type, makers[node.input[1]].op_type] == ["DequantizeLinear"] * 2
        assert stored[makers[node.input[1]].input[0]] == onnx.TensorProto.INT8
    assert int8_graph.stat().st_size < 0.35 * graph.stat().st_size


def test_ranges_are_those_of_all_images(graph: Path, images: NDArray[np.uint8]) -> None:
    """Smallest and largest value over every image, also those of a last, short batch."""
    loud = images.copy()
    loud[-1] = 255
    name = next(node for node in onnx.load(str(graph)).graph.node if node.op_type == "Conv").input[0]

    measured = activation_ranges(graph, [name], loud, num_threads=1)[name]

    normalised = (loud / 255 - PREPROCESSING.mean) / PREPROCESSING.std
    assert measured == pytest.approx((normalised.min(), normalised.max()), rel=1e-4)


def test_rounding_before_a_pool_gives_the_same_logits(graph: Path, int8_graph: Path, images: NDArray[np.uint8]) -> None:
    """To the last bit, in the engine, what rounding behind it gave; without a pool nothing is different."""
    model = onnx.load(str(int8_graph))
    pools = [node for node in model.graph.node if node.op_type == "MaxPool"]
    for pool in pools:
        _round_behind(model.graph, pool)
    behind = graph.with_suffix(".behind.onnx")
    onnx.save(model, str(behind))

    assert len(pools) == ("resnet" in graph.name)
    assert np.array_equal(logits(int8_graph, images), logits(behind, images))


def _round_behind(graph: Any, pool: Any) -> None:
    """Move the two nodes that round what `pool` reads behind it."""
    restore = next(node for node in graph.node if pool.input[0] in node.output)
    round_off = next(node for node in graph.node if restore.input[0] in node.output)
    source, rounded, name = round_off.input[0], restore.output[0], pool.output[0]
    for node in (round_off, restore, pool):
        graph.node.remove(node)
    pool.input[0], pool.output[0] = source, f"{name}.pooled"
    round_off.input[0], restore.output[0] = pool.output[0], name
    first = next(index for index, node in enumerate(graph.node) if name in node.input)
    assert all(rounded not in node.input for node in graph.node)
    for node in (restore, round_off, pool):
        graph.node.insert(first, node)


def test_weights_lie_beside_their_graph(graph: Path, images: NDArray[np.uint8], tmp_path: Path) -> None:
    """The two files give what the one gave, also when they are written once more; anybody may read them."""
    target = tmp_path / "model.onnx"
    target.write_bytes(graph.read_bytes())

    for _ in range(2):
        keep_weights_beside(target)

    weights = tmp_path / "model.weights"
    assert target.stat().st_size < 0.1 * graph.stat().st_size
    assert weights.stat().st_size == pytest.approx(graph.stat().st_size, rel=0.1)
    assert weights.stat().st_mode & 0o444 == 0o444
    assert np.array_equal(logits(target, images), logits(graph, images))
