"""Learning rates by stage and epoch, and which stages are trained when."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from inference.model import ModelSpec, build_model
from training.config import TrainingConfig
from training.model.stages import set_trainable_stages, stage_of
from training.optimisation.schedule import make_optimizer, set_learning_rate, unfreeze_for_epoch, warm_up_steps

MakeConfig = Callable[..., TrainingConfig]


@pytest.fixture
def network() -> nn.Module:
    """ResNet18: head, four stages and a stem."""
    return build_model(ModelSpec("resnet18", 3))


def trained_stages(network: nn.Module) -> set[int]:
    return {stage_of(network, name) for name, parameter in network.named_parameters() if parameter.requires_grad}


def test_each_stage_learns_slower_than_the_one_behind_it(network: nn.Module, make_config: MakeConfig) -> None:
    """The head at the full rate, the stem five stages deeper at half to the fifth."""
    optimizer = make_optimizer(network, make_config(lr=0.01, layer_lr_decay=0.5))
    set_learning_rate(optimizer, 10, 100, 10)

    rate_of = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    named = dict(network.named_parameters())
    assert rate_of[id(named["fc.1.weight"])] == pytest.approx(0.01)
    assert rate_of[id(named["layer4.0.conv1.weight"])] == pytest.approx(0.005)
    assert rate_of[id(named["conv1.weight"])] == rate_of[id(named["bn1.weight"])] == pytest.approx(0.01 * 0.5**5)
    assert len(rate_of) == len(named)


def test_biases_and_normalisation_are_not_decayed(network: nn.Module, make_config: MakeConfig) -> None:
    """Whatever the stage."""
    optimizer = make_optimizer(network, make_config(weight_decay=0.1, layer_lr_decay=0.9))

    for group in optimizer.param_groups:
        assert all((parameter.ndim > 1) is (group["weight_decay"] == 0.1) for parameter in group["params"])


def test_progressive_unfreezing_reaches_one_stage_more_at_a_time(network: nn.Module, make_config: MakeConfig) -> None:
    """Two epochs for the head alone, two with the last stage, and so on until all that may be trained is."""
    config = make_config(progressive_unfreeze=2, unfreeze_depth=2)
    reached = []
    for epoch in range(1, 9):
        unfreeze_for_epoch(network, config, epoch)
        reached.append(max(trained_stages(network)))

    assert reached == [0, 0, 1, 1, 2, 2, 2, 2]


def test_all_stages_are_reached_in_the_end(network: nn.Module, make_config: MakeConfig) -> None:
    """unfreeze_depth=full has no other limit than the network."""
    unfreeze_for_epoch(network, make_config(progressive_unfreeze=1), 6)

    assert trained_stages(network) == {0, 1, 2, 3, 4, 5}


def test_frozen_stage_keeps_its_weights(network: nn.Module) -> None:
    """AdamW leaves alone, weight decay included, what has no gradient."""
    set_trainable_stages(network, 5)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    set_trainable_stages(network, 0)
    before = network.get_parameter("conv1.weight").clone()

    network(torch.randn(2, 3, 32, 32)).sum().backward()
    optimizer.step()

    assert torch.equal(network.get_parameter("conv1.weight"), before)


@pytest.mark.parametrize(("warmup_epochs", "steps"), [(-1, 6), (0, 1), (2, 20), (0.5, 5)])
def test_warm_up_is_a_tenth_of_all_steps_or_as_told(make_config: MakeConfig, warmup_epochs: float, steps: int) -> None:
    """Six epochs of ten steps."""
    assert warm_up_steps(make_config(epochs=6, warmup_epochs=warmup_epochs), 10) == steps
