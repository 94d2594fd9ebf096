"""Heads side by side: each learns what it would learn in a job of its own."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from inference.model import ModelSpec, make_head
from tests.training.tuning.clouds import CLASSES, FEATURES, clouds
from training.config import TrainingConfig
from training.data.mixing import Batch
from training.optimisation import engine
from training.optimisation.state import FitResult
from training.tuning.group import Group
from training.tuning.stacked import StackedHeads, stacked_losses

MakeConfig = Callable[..., TrainingConfig]


def alone(config: TrainingConfig) -> FitResult:
    """Train one head as a job of its own does."""
    data = clouds(config)
    torch.manual_seed(config.seed)
    head = make_head(ModelSpec("", CLASSES, config.dropout, config.head, config.head_width), FEATURES)
    return engine.fit(head, data.train, data.validation, config)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"head": "mlp", "head_width": 16},
        {"class_balance": "loss"},
        {"class_balance": "sampler"},
        {"mixup": 0.3},
        {"ema_decay": 0.9},
    ],
    ids=str,
)
def test_each_head_learns_as_in_a_job_of_its_own(make_config: MakeConfig, settings: dict[str, object]) -> None:
    """With other rates, decays and smoothing beside it, the same losses, epoch by epoch; dropout draws otherwise."""
    config = make_config(features="x", trainable="head", epochs=3, batch_size=32, dropout=0, **settings)
    configs = [
        replace(config, lr=0.003, weight_decay=0.1, label_smoothing=0.0),
        replace(config, lr=0.03, weight_decay=1e-6, label_smoothing=0.2),
    ]
    group = Group(list(enumerate(configs, start=1)), clouds(config))

    epochs = [group.run_epoch() for _ in range(3)]

    for number, own in enumerate(configs, start=1):
        expected = [result.validation for result in alone(own).epochs]
        assert [one[number].validation.loss for one in epochs] == pytest.approx([each.loss for each in expected], 1e-4)
        assert [one[number].validation.top1 for one in epochs] == [each.top1 for each in expected]


@pytest.mark.parametrize("form", ["linear", "mlp"])
def test_a_head_does_not_see_those_beside_it(make_config: MakeConfig, form: str) -> None:
    """Dropout included: a trial ends alike alone, among others, and when one of them has left."""
    config = make_config(features="x", trainable="head", epochs=4, batch_size=32, head=form, head_width=16)
    configs = [replace(config, dropout=0.5, lr=0.01), replace(config, dropout=0.1), replace(config, dropout=0.0)]
    lone, group = (Group([(1, configs[0])], clouds(config)), Group(list(enumerate(configs, start=1)), clouds(config)))

    losses = []
    for epoch in range(4):
        if epoch == 2:
            group.drop({2})
        losses.append((lone.run_epoch()[1].validation.loss, group.run_epoch()[1].validation.loss))

    assert [own for own, _ in losses] == pytest.approx([among for _, among in losses], 1e-4)
    assert [number for number, _ in group.members] == [1, 3]


def test_a_head_that_breaks_down_spoils_no_other(make_config: MakeConfig) -> None:
    """Its numbers leave their range, those beside it stay."""
    config = make_config(features="x", trainable="head", epochs=2, batch_size=32, dropout=0)
    group = Group([(1, replace(config, lr=1e30)), (2, config)], clouds(config))

    group.run_epoch()
    scores = group.run_epoch()

    assert (scores[1].is_finite, scores[2].is_finite) == (False, True)


def test_dropout_drops_the_share_of_each_head() -> None:
    """And makes up for it, so that the mean stays."""
    heads = StackedHeads(nn.Sequential(nn.Linear(2000, 1)), [0.0, 0.5], seed=1)

    dropped = heads._dropped(torch.ones(50, 2000))

    assert float((dropped[1] == 0).float().mean()) == pytest.approx(0.5, abs=0.01)
    assert float(dropped[1].mean()) == pytest.approx(1, abs=0.02)
    assert bool((dropped[0] == 1).all())


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 0.5, 2.0])], ids=["plain", "weighted"])
@pytest.mark.parametrize("share", [1.0, 0.7], ids=["own", "blended"])
def test_losses_are_those_of_each_head_alone(weights: torch.Tensor | None, share: float) -> None:
    """For every smoothing, as torch's own cross-entropy gives it."""
    generator = torch.Generator().manual_seed(1)
    logits, classes = torch.randn(8, 2, 3, generator=generator), torch.arange(8) % 3
    batch = Batch(torch.zeros(8, 1), classes, classes.flip(0) if share < 1 else None, share)
    smoothing = [0.0, 0.2]

    losses = stacked_losses(batch, logits, torch.tensor(smoothing), weights)

    expected = [float(batch.loss(logits[:, row], each, weights)) for row, each in enumerate(smoothing)]
    assert losses.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("dropouts", [(0.0, 0.0), (0.1, 0.5)], ids=str)
def test_gradients_lie_in_memory_as_weights_do(dropouts: tuple[float, float]) -> None:
    """With dropout or without, so that no step copies them: two thirds of a search's seconds went there."""
    heads = StackedHeads(make_head(ModelSpec("", CLASSES, 0.0, "mlp", 16), FEATURES), dropouts, seed=0).train()

    gradients = torch.autograd.grad(heads(torch.rand(8, FEATURES)).sum(), list(heads.parameters()))

    assert [one.stride() for one in gradients] == [one.stride() for one in heads.parameters()]
