"""The moving average of the weights."""

import pytest
import torch
from torch import nn

from training.optimisation.ema import WeightAverage


def test_average_follows_the_weights() -> None:
    """Towards constant weights it converges, and counters are copied."""
    model = nn.BatchNorm1d(2)
    average = WeightAverage(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(5.0)
        model.get_buffer("num_batches_tracked").fill_(7)

    average.update(model, 1)
    once = float(average.weights["weight"][0])
    for step in range(2, 200):
        average.update(model, step)

    assert once == pytest.approx(1 + 4 * (1 - 2 / 11))  # the decay of the first step is (1 + 1) / (10 + 1)
    assert float(average.weights["weight"][0]) == pytest.approx(5.0, abs=1e-3)
    assert int(average.weights["num_batches_tracked"]) == 7


def test_applied_average_is_taken_back() -> None:
    """Scoring the average leaves the weights that are trained as they were, even when scoring fails."""
    model = nn.Linear(2, 2)
    average = WeightAverage(model, 0.99)
    own = model.weight.detach().clone()
    average.weights["weight"].zero_()

    def score() -> None:
        with average.applied(model):
            assert not model.weight.any()
            raise RuntimeError("scoring failed")

    with pytest.raises(RuntimeError, match="scoring failed"):
        score()

    assert torch.equal(model.weight, own)
