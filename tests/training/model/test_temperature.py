"""Temperatures: probabilities come to mean what they say, classes stay what they were."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from inference.model import ModelSpec, build_model, make_head
from training.model.temperature import LIMITS, apply_temperature, fit_temperature


def drawn(temperature: float, rows: int = 4000) -> tuple[Tensor, Tensor]:
    """Logits that are `temperature` times too large, and labels drawn by what they should have been."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn((rows, 5), generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).flatten()
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_temperature_of_made_up_logits_is_recovered(temperature: float) -> None:
    """Over- and underconfident logits are divided by what they are off by."""
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 40), seed=st.integers(0, 1000), scale=st.floats(0.0, 1000.0))
def test_loss_is_never_larger_than_without(rows: int, seed: int, scale: float) -> None:
    """Whatever the logits are, the temperature is within its limits and the smoothed loss no worse than at 1."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn((rows, 3), generator=generator)
    labels = torch.randint(3, (rows,), generator=generator)
    doubt = 1 / (rows + 2)
    targets = functional.one_hot(labels, 3).double() * (1 - 1.5 * doubt) + doubt / 2

    temperature = fit_temperature(logits, labels)

    before, after = (functional.cross_entropy(logits.double() / each, targets).item() for each in (1.0, temperature))
    assert LIMITS[0] <= temperature <= LIMITS[1] * 1.001
    assert after <= before + 1e-6


def test_images_that_are_all_right_prove_no_certainty() -> None:
    """Ten images, all classified correctly: the next one is right with 11 of 12, not for sure."""
    labels = torch.arange(10) % 2
    logits = functional.one_hot(labels, 2).float()

    temperature = fit_temperature(logits, labels)

    assert (logits / temperature).softmax(dim=1).max().item() == pytest.approx(11 / 12, abs=0.001)


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_network_answers_with_divided_logits(head: str) -> None:
    """The division is within the last layer of either head, in its place or on its own, and no class changes."""
    torch.manual_seed(0)
    spec = ModelSpec("resnet18", 3, head=head)
    network, alone = build_model(spec).eval(), make_head(spec, 8).eval()
    images, features = torch.randn((2, 3, 32, 32)), torch.randn((2, 8))
    with torch.inference_mode():
        before = network(images), alone(features)

    apply_temperature(network, 2.0)
    apply_temperature(alone, 2.0)

    with torch.inference_mode():
        assert torch.allclose(network(images), before[0] / 2, atol=1e-5)
        assert torch.allclose(alone(features), before[1] / 2, atol=1e-5)
