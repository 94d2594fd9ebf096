"""Stages of a network: a frozen backbone stays as it was, and every parameter is in one stage."""

import pytest
import torch
from torch import nn

from inference.model import ModelSpec, build_model, head_name, make_head
from tests.inference.families import ONE_OF_EACH_FAMILY
from training.model.stages import freeze_backbone, set_trainable_stages, set_training_mode, stage_of, stages


def test_frozen_backbone_trains_only_the_head() -> None:
    """Neither weights nor batch statistics of the backbone change."""
    model = build_model(ModelSpec("resnet18", 3))
    freeze_backbone(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    set_training_mode(model)
    model(torch.randn(4, 3, 32, 32)).sum().backward()
    torch.optim.SGD(parameters, lr=0.1).step()

    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"fc.1.weight", "fc.1.bias"}


@pytest.mark.parametrize("model_name", ONE_OF_EACH_FAMILY)
def test_every_parameter_of_every_family_is_in_one_stage(model_name: str) -> None:
    """Stage 0 is the head, stage 1 what comes right before it, the last one the stem."""
    # Without numbers, which takes no time; regnet computes its own widths with tensors.
    with torch.device("cpu" if model_name.startswith("regnet") else "meta"):
        model = build_model(ModelSpec(model_name, 2))

    numbers = {name: stage_of(model, name) for name, _ in model.named_parameters()}

    assert set(numbers.values()) == set(range(len(stages(model))))
    assert {name for name, number in numbers.items() if number == 0} == {
        f"{head_name(model)}.1.weight",
        f"{head_name(model)}.1.bias",
    }
    assert next(iter(numbers.values())) == len(stages(model)) - 1
    assert len(stages(model)) >= 5


def test_unfrozen_stages_alone_are_in_training_mode() -> None:
    """Batch statistics of a frozen stage stay as they were; those of a trained one follow the new images."""
    model = build_model(ModelSpec("resnet18", 2))
    set_trainable_stages(model, 1)

    set_training_mode(model)

    modes = {name: module.training for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {name.partition(".")[0] for name, training in modes.items() if training} == {"layer4"}
    assert model.get_submodule("fc.0").training


def test_head_on_its_own_is_trained_whole() -> None:
    """As a job on features trains it."""
    head = make_head(ModelSpec("resnet18", 2, dropout=0.1, head="mlp", head_width=8), 16)

    set_trainable_stages(head, 0)
    set_training_mode(head)

    assert all(parameter.requires_grad for parameter in head.parameters())
    assert head.training
    assert [type(layer).__name__ for layer in head] == ["Dropout", "Linear", "ReLU", "Dropout", "Linear"]
