"""The int8 form of a graph."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import pytest
import torch
from numpy.typing import NDArray

from inference.model import ModelSpec, build_model
from inference.preprocessing import Preprocessing
from training.export.onnx_graph import export_onnx
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
    network = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
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
        assert [makers[name].op_type for name in node.input[:2]] == ["DequantizeLinear"] * 2
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
