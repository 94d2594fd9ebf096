"""Wheels for jobs without a package index: fetched by pip for the images' Python, and packed with the source."""

import io
import tarfile
from pathlib import Path

import pytest

from ops.errors import BundleError
from ops.packaging import bundle, wheels
from tests.training.wheels import write_wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of wheels in the place of the package index, which is shut."""
    folder = tmp_path / "index"
    write_wheel(folder, "openvino", "1.0", ["numpy>=1.16"])
    write_wheel(folder, "numpy", "2.4.6")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.mark.usefixtures("index")
def test_wheels_are_packed_for_aws_alone(repository: Path) -> None:
    """What the image has itself stays out; jobs of the embedded account need none."""
    (repository / "inference" / "requirements.txt").write_text("openvino==1.0\n")

    fetched = wheels.fetch("inference", repository)

    assert [path.name for path in fetched] == ["openvino-1.0-py3-none-any.whl"]
    assert "wheels/inference/openvino-1.0-py3-none-any.whl" in _source(repository, for_this_machine=False)
    assert not [name for name in _source(repository, for_this_machine=True) if name.startswith("wheels")]


def test_weights_come_without_the_torch_they_ask_for(repository: Path, index: Path) -> None:
    """torch is in the image, and 3 GB are no part of a source archive."""
    write_wheel(index, "weights_of_a_network", "1.0", ["torch"])
    write_wheel(index, "torch", "2.13.0")
    (repository / "training" / "requirements.txt").write_text("openvino==1.0\n")
    (repository / "training" / "requirements-packaged.txt").write_text("weights_of_a_network==1.0\n")

    fetched = wheels.fetch("training", repository)

    assert [path.name.partition("-")[0] for path in fetched] == ["openvino", "weights_of_a_network"]


@pytest.mark.usefixtures("index")
def test_package_that_is_not_to_be_had_is_named(repository: Path) -> None:
    """pip's last line, and where to look."""
    (repository / "training" / "requirements.txt").write_text("onnx==9\n")

    with pytest.raises(BundleError, match=r"wheels for training: pip failed: .*onnx==9; check training/requirements"):
        wheels.fetch("training", repository)


def _source(root: Path, *, for_this_machine: bool) -> list[str]:
    files = bundle.source_files(root) | ({} if for_this_machine else wheels.wheel_files(root))
    (asset,) = [each for each in _build(root, for_this_machine) if each.key.startswith("source/")]
    with tarfile.open(fileobj=io.BytesIO(asset.content)) as archive:
        assert sorted(archive.getnames()) == sorted(files)
        return archive.getnames()


def _build(root: Path, for_this_machine: bool) -> tuple[bundle.Asset, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "layer_zip", lambda *_, **__: b"a layer, which is another test's")
        return bundle.build(for_this_machine=for_this_machine, root=root).assets
