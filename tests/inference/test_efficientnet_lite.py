"""EfficientNet-Lite0: the published network, number for number."""

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

from inference.efficientnet_lite import EfficientNetLite0
from inference.model import ModelSpec, build_model, normalise
from inference.preprocessing import EFFICIENTNET_LITE0 as NAME
from inference.preprocessing import Preprocessing
from training.model.packaged import load_packaged_weights, published_state


def photographs(side: int) -> Tensor:
    """Two photographs that come with scikit-learn, as normalised squares (2, 3, side, side)."""
    images = [Image.fromarray(load_sample_image(name)).resize((side, side)) for name in ("china.jpg", "flower.jpg")]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
    return normalise(pixels, Preprocessing.for_model(NAME, side))


def published() -> nn.Module:
    """The network as its publisher defines it, with its weights."""
    network: nn.Module = EfficientNet.from_name(NAME.replace("_", "-"))
    network.load_state_dict(published_state())
    return network.eval()


def test_photographs_get_the_published_logits() -> None:
    """All 1,000 ImageNet logits of real photographs are those of the published network."""
    ours = EfficientNetLite0()
    ours.load_state_dict(dict(zip(ours.state_dict(), published_state().values(), strict=True)))
    images = photographs(224)

    with torch.inference_mode():
        expected, answered = published()(images), ours.eval()(images)

    assert torch.allclose(answered, expected, atol=1e-4)
    assert expected.std() > 0.5  # logits of a network that sees something


def test_packaged_weights_fill_the_backbone() -> None:
    """The features behind our own head are the published ones, and the head alone is new."""
    network = build_model(ModelSpec(NAME, num_classes=3))

    left_out = load_packaged_weights(network, NAME)

    images = photographs(96)
    with torch.inference_mode():
        features = network.eval().get_submodule("features")(images)
        expected = published().extract_features(images)  # type: ignore[operator]
    assert torch.allclose(features, expected, atol=1e-4)
    assert left_out == ["classifier.1.1.weight", "classifier.1.1.bias"]
