"""Extractors: all of them give the features that the network itself gives."""

import pytest
import torch
from torch import nn

from inference.model import ModelSpec, build_model, normalise, replace_head
from inference.preprocessing import Preprocessing
from training.errors import ConfigError
from training.features.extractors import make_extractor, traced_side

PREPROCESSING = Preprocessing.for_image_size(48)


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    """A network without its head, with batch statistics that are not those of a new one."""
    torch.manual_seed(0)
    network = build_model(ModelSpec("resnet18", 3))
    replace_head(network, nn.Identity())
    network.train()
    with torch.no_grad():
        network(torch.randn(16, 3, 48, 48))
    return network.eval()


@pytest.mark.parametrize("kind", ["torch", "openvino"])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-3)])
def test_extractor_agrees_with_the_network(backbone: nn.Module, kind: str, precision: str, tolerance: float) -> None:
    """Folding normalisation and computing in bfloat16 turn no feature vector by more than rounding does."""
    images = torch.randint(0, 256, (5, 3, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = backbone(normalise(images, PREPROCESSING))

    extractor = make_extractor(backbone, PREPROCESSING, kind, precision)
    features = extractor.features(images)

    assert (extractor.name, extractor.precision, features.dtype) == (kind, precision, torch.float32)
    assert (1 - torch.cosine_similarity(features, expected)).max() < tolerance


def test_extractor_leaves_the_network_alone(backbone: nn.Module) -> None:
    """The network goes on to be trained and saved in float32."""
    before = {name: value.clone() for name, value in backbone.state_dict().items()}

    make_extractor(backbone, PREPROCESSING, "torch", "bf16")

    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ("model_name", "side", "traced"), [("resnet18", 224, 96), ("resnet18", 48, 48), ("swin_t", 224, 224)]
)
def test_networks_with_attention_are_traced_at_their_own_side(model_name: str, side: int, traced: int) -> None:
    """The windows of a smaller picture would be fixed in the graph, and other features come out of it."""
    with torch.device("meta"):
        network = build_model(ModelSpec(model_name, 2))

    assert traced_side(network, side) == traced


def test_missing_openvino_is_a_sentence(backbone: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name, it must not silently be torch."""
    monkeypatch.setattr("training.features.extractors.missing_packages", lambda: ["openvino"])

    with pytest.raises(ConfigError, match="extractor='openvino' is not installed; pip install openvino"):
        make_extractor(backbone, PREPROCESSING, "openvino", "auto")
    assert make_extractor(backbone, PREPROCESSING, "auto", "fp32").name == "torch"
