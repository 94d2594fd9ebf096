"""Padding becomes part of the convolutions behind it where that is the same, and stays where it is not."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from inference.model import ModelSpec, build_model, predict_logits
from inference.predictors import openvino_core
from inference.preprocessing import Preprocessing
from training.export.onnx_graph import export_onnx
from training.export.padding import fold_padding

PREPROCESSING = Preprocessing.for_image_size(40)


class Branches(nn.Module):
    """A padded picture that a convolution and a second reader take."""

    def __init__(self, mode: str = "constant", value: float = 0.0, also_read: bool = False) -> None:
        super().__init__()
        self.mode, self.value = mode, value
        self.convolution = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.also_read = also_read

    def forward(self, images: torch.Tensor) -> Any:
        padded = nn.functional.pad(images, (0, 1, 2, 3), self.mode, self.value)
        return (self.convolution(padded), padded.mean()) if self.also_read else self.convolution(padded)


def exported(network: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter that will be dropped, as in export_onnx
        torch.onnx.export(network.eval(), (torch.zeros(1, 3, 9, 9),), str(path), opset_version=17, dynamo=False)
    return path


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(str(path)).graph.node]


def test_padding_of_one_convolution_becomes_its_own(tmp_path: Path) -> None:
    """Other widths on each side are added to the convolution's own, and its answer stays what torch gives."""
    network = Branches()
    path = exported(network, tmp_path / "graph.onnx")

    assert fold_padding(path) == 1

    assert operators(path) == ["Conv"]
    images = np.random.default_rng(0).standard_normal((1, 3, 9, 9)).astype(np.float32)
    answer = openvino_core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([images])[0]
    assert answer == pytest.approx(network(torch.from_numpy(images)).detach().numpy(), abs=1e-5)


@pytest.mark.parametrize("network", [Branches(value=1.0), Branches("reflect"), Branches(also_read=True)])
def test_padding_that_is_more_than_a_convolutions_stays(tmp_path: Path, network: nn.Module) -> None:
    """By another number than zero, by the picture mirrored, or read by others too: the file is left as it is."""
    path = exported(network, tmp_path / "graph.onnx")
    before = path.read_bytes()

    assert fold_padding(path) == 0

    assert path.read_bytes() == before


def test_efficientnet_lite_is_exported_without_padding(tmp_path: Path) -> None:
    """Its graph has none left, and gives the network's logits."""
    torch.manual_seed(1)
    network = build_model(ModelSpec("efficientnet_lite0", 5, 0.2)).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)

    export_onnx(network, PREPROCESSING, tmp_path / "model.onnx")

    assert "Pad" not in operators(tmp_path / "model.onnx")
    graph = openvino_core().compile_model(tmp_path / "model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = predict_logits(network, torch.from_numpy(pixels).permute(0, 3, 1, 2), PREPROCESSING).numpy()
    assert np.abs(graph([pixels])[0] - expected).max() < 1e-4 * np.abs(expected).max()
