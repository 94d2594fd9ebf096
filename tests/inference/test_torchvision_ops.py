"""The declaration that lets torchvision be imported beside a CPU build of torch."""

import os
import subprocess
import sys
from pathlib import Path

import torch

import embedded_account
from inference import torchvision_ops


def test_torchvision_models_can_be_imported() -> None:
    """Whatever the builds of torch and torchvision, the operator has a schema and the models are there."""
    from torchvision import models

    assert hasattr(torch.ops.torchvision, "nms")
    assert "resnet18" in models.list_models()


def test_second_declaration_does_nothing() -> None:
    """Where the operators are there, nothing is declared over them."""
    assert torchvision_ops.declare_missing_ops() is False


def test_what_a_container_declares_is_not_declared_again() -> None:
    """The embedded account's containers declare the operators before torchvision runs, unless they are there."""
    container = Path(embedded_account.__file__).parent / "sagemaker" / "containers" / "training"
    script = "from inference import torchvision_ops; import torchvision, torch; print(torch.ops.torchvision.nms)"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(container), str(Path.cwd())])}
    assert "nms" in subprocess.check_output([sys.executable, "-c", script], env=environ, text=True)
