"""The optimiser for the CPU: torch's own numbers, without what torch loads for its compiler."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from training.optimisation.adamw import EagerAdamW, adamw

Make = Callable[..., torch.optim.AdamW]


def trained(make: Make, state: dict[str, Tensor], num_steps: int = 5) -> tuple[nn.Module, torch.optim.AdamW]:
    """Return a network and its optimiser after some steps; the second bias has no gradient until the third step."""
    network = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))
    network.load_state_dict(state)
    weights, biases = [network[0].weight, network[2].weight], [network[0].bias, network[2].bias]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": biases, "weight_decay": 0.0}]
    optimizer = make(groups, lr=0.01, fused=True)
    inputs = torch.randn(16, 7, generator=torch.Generator().manual_seed(1))
    for step in range(num_steps):
        network[2].bias.requires_grad = step >= 2
        optimizer.param_groups[0]["lr"] = 0.01 / (step + 1)
        optimizer.zero_grad()
        network(inputs).square().mean().backward()
        optimizer.step()
    return network, optimizer


def start() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)).state_dict()


def test_steps_are_torch_s_to_the_last_bit() -> None:
    """Weights and averages alike, with two groups, a changing rate and a parameter that is frozen at first."""
    network, optimizer = trained(EagerAdamW, start())
    expected, reference = trained(torch.optim.AdamW, start())

    assert all(torch.equal(one, two) for one, two in zip(network.parameters(), expected.parameters(), strict=True))
    ours, wanted = optimizer.state_dict()["state"], reference.state_dict()["state"]
    assert ours.keys() == wanted.keys()
    for index, state in wanted.items():
        assert ours[index].keys() == state.keys()
        assert all(torch.equal(ours[index][name], value) for name, value in state.items())


def test_checkpoints_go_over_to_torch_s_and_back() -> None:
    """An artifact's optimiser can go on as either."""
    _, optimizer = trained(EagerAdamW, start())
    _, reference = trained(torch.optim.AdamW, start(), num_steps=3)
    _, again = trained(EagerAdamW, start(), num_steps=3)

    reference.load_state_dict(optimizer.state_dict())
    again.load_state_dict(reference.state_dict())

    assert torch.equal(again.state_dict()["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])
    assert float(again.state_dict()["state"][0]["step"]) == 5


def test_parameters_on_a_gpu_get_torch_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """There float16's loss scaling is part of torch's step; a device without data stands for it."""
    made: list[dict[str, object]] = []
    monkeypatch.setattr(torch.optim, "AdamW", lambda groups, **options: made.append(options))

    assert isinstance(adamw([{"params": list(nn.Linear(2, 2).parameters())}], 0.1), EagerAdamW)
    adamw([{"params": list(nn.Linear(2, 2, device="meta").parameters())}], 0.1)

    assert made == [{"lr": 0.1, "fused": True}]
