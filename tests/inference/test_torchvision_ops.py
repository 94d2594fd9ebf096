"""The declaration that lets torchvision be imported beside a CPU build of torch."""

import torch

from inference import torchvision_ops


def test_torchvision_models_can_be_imported() -> None:
    """Whatever the builds of torch and torchvision, the operator has a schema and the models are there."""
    from torchvision import models

    assert hasattr(torch.ops.torchvision, "nms")
    assert "resnet18" in models.list_models()


def test_second_declaration_does_nothing() -> None:
    """Where the operators are there, nothing is declared over them."""
    assert torchvision_ops.declare_missing_ops() is False
