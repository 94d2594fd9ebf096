"""The exported graph: the trained network with its preprocessing, in a form that needs no torch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.model import ModelSpec, build_model, predict_logits
from inference.predictors import openvino_core
from inference.preprocessing import Preprocessing
from training.export.onnx_graph import export_onnx

PREPROCESSING = Preprocessing.for_image_size(40)


@pytest.mark.parametrize("model_name", ["resnet18", "mobilenet_v3_small"])
def test_graph_gives_the_networks_logits_from_pixels(tmp_path: Path, model_name: str) -> None:
    """For batches of any size, to within 0.0001 of the largest logit; the network itself is left as it was."""
    torch.manual_seed(1)
    network = build_model(ModelSpec(model_name, 5, 0.2)).train()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)

    export_onnx(network, PREPROCESSING, tmp_path / "model.onnx")

    assert network.training
    graph = openvino_core().compile_model(tmp_path / "model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = predict_logits(network.eval(), torch.from_numpy(pixels).permute(0, 3, 1, 2), PREPROCESSING).numpy()
    for batch in (pixels, pixels[:1]):
        logits = graph([batch])[0]
        assert np.abs(logits - expected[: len(batch)]).max() < 1e-4 * np.abs(expected).max()
