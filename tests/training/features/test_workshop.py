"""A part is computed by the backbone that the task names, or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.errors import FeaturesError
from training.features.workshop import Workshop
from training.listing import Sample


class Means:
    """Features that are the means of the colours."""

    name, precision = "means", "fp32"

    def features(self, images: Tensor) -> Tensor:
        """Return float32 (B, 3)."""
        return torch.mean(images.float(), dim=(2, 3))


@pytest.mark.parametrize(("sha256", "engine"), [("b", Means()), ("a", None)])
def test_process_with_another_backbone_refuses(
    make_config: Callable[..., TrainingConfig], tmp_path: Path, sha256: str, engine: Means | None
) -> None:
    """Instances of different images would mix features that no head can be trained on."""
    preprocessing = Preprocessing.for_image_size(32)
    first = Workshop(make_config(), Means(), preprocessing, "a")
    other = Workshop(make_config(), engine, preprocessing, sha256)
    task = first.looking([Sample(tmp_path / "1.jpg", "red/1.jpg", "red")], 0)

    with pytest.raises(FeaturesError, match="start all from one image"):
        other.work(task)
