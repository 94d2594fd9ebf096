"""The container images for AWS, as the SageMaker SDK names them."""

from pathlib import Path

import pytest

from ops.errors import BundleError
from ops.packaging import container_images


@pytest.mark.slow
def test_images_are_found_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU instance gets the GPU image, a CPU instance the CPU one; the answer is kept under build/."""
    cache = tmp_path / "images.json"
    monkeypatch.setattr(container_images, "_cache_file", lambda *_: cache)
    monkeypatch.setattr("sys.argv", ["ops.packaging.container_images", "us-east-1", "ml.g5.xlarge", "ml.m5.large"])
    container_images.main()

    found = container_images.image_uris("us-east-1", "ml.g5.xlarge", "ml.m5.large")

    assert found.training.endswith(
        f"/pytorch-training:{container_images.TRAINING_VERSION}-gpu-{container_images.PYTHON_VERSION}"
    )
    assert found.inference.endswith(
        f"/pytorch-inference:{container_images.INFERENCE_VERSION}-cpu-{container_images.PYTHON_VERSION}"
    )
    assert container_images.is_from_sdk(found.training)


@pytest.mark.slow
def test_unknown_region_is_named() -> None:
    """A region without the containers is an error that says how to name images of one's own."""
    with pytest.raises(BundleError, match=r"region 'mars-1': .*--parameter TrainingImageUri"):
        container_images.image_uris("mars-1", "ml.m5.large", "ml.m5.large")


def test_images_of_ones_own_are_told_apart() -> None:
    """Only an image that this module chose may be replaced by it."""
    assert container_images.is_from_sdk("")
    assert not container_images.is_from_sdk("123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1")
