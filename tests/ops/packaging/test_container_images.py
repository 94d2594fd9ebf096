"""The container images for AWS, as the SageMaker SDK names them."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from ops.errors import BundleError
from ops.packaging import container_images
from ops.session import REPOSITORY


# Of the SDK, where it is compiled for the first time.
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.slow
def test_images_are_found_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU instance gets the GPU image, a CPU instance the CPU one; the answer is kept under build/."""
    cache = tmp_path / "images.json"
    monkeypatch.setattr(container_images, "_cache_file", lambda *_: cache)
    monkeypatch.setattr("sys.argv", ["ops.packaging.container_images", "us-east-1", "ml.g5.xlarge", "ml.m5.large"])
    container_images.main()

    uris = container_images.image_uris("us-east-1", "ml.g5.xlarge", "ml.m5.large")

    training, inference = (container_images.RELEASES[scope] for scope in ("training", "inference"))
    assert uris.training.endswith(f".amazonaws.com/pytorch-training:{training.version}-gpu-{training.python}")
    assert uris.inference.endswith(f".amazonaws.com/pytorch-inference:{inference.version}-cpu-{inference.python}")
    assert container_images.is_from_sdk(uris.training)
    assert container_images.release_of(uris.training) == training
    assert container_images.release_of(uris.inference) == inference


@pytest.mark.slow
def test_unknown_region_is_named() -> None:
    """A region without the containers is an error that says how to name images of one's own."""
    with pytest.raises(BundleError, match=r"region 'mars-1': .*--parameter TrainingImageUri"):
        container_images.image_uris("mars-1", "ml.m5.large", "ml.m5.large")


def test_images_of_ones_own_are_told_apart() -> None:
    """Only an image that this module chose may be replaced by it."""
    assert container_images.is_from_sdk("")
    assert not container_images.is_from_sdk("123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1")
    assert container_images.release_of("123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1") is None


def test_releases_are_not_older_than_the_sdk_s() -> None:
    """A newer SDK that knows a newer image is a reason to look at the table again."""
    path = distribution("sagemaker").locate_file("sagemaker/image_uri_config/pytorch.json")
    config = json.loads(Path(str(path)).read_text())

    for scope, release in container_images.RELEASES.items():
        newest = list(config[scope]["versions"])[-1]
        assert _numbers(release.version) >= _numbers(newest)[:2], scope


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_no_other_place_spells_a_version() -> None:
    """The table is the only place of the product that names a version of AWS's PyTorch images."""
    folders = ("datasets", "handlers", "inference", "ops", "reports", "statemachine", "training")
    files = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    spelled = re.compile(r"pytorch-(training|inference):\d|\bpy3\d\d\b")

    assert [
        path.name
        for path in [*files, REPOSITORY / "deploy.py", REPOSITORY / "template.yaml"]
        if spelled.search(path.read_text()) and path != Path(container_images.__file__)
    ] == []
