"""What the launcher adapts in AWS's packages is there; when they are upgraded, this says what moved."""

from importlib import import_module
from pathlib import Path

import pytest


def test_adapted_names_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher replaces one function of each of the toolkit's two packages."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))  # importing the toolkit makes folders there

    assert callable(import_module("sagemaker_pytorch_container.training")._set_torch_version_environment)
    assert callable(import_module("sagemaker_training.environment").num_cpus)
