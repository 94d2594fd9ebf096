"""Batches of features: views are drawn anew each epoch, and several processes share what one would see."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inference.model import ModelSpec, make_head
from training.config import TrainingConfig
from training.distributed import Shard, World
from training.errors import DatasetError
from training.features.inputs import FeatureInputs, fold_scale, given_class_names
from training.features.store import FeatureSplit

MakeConfig = Callable[..., TrainingConfig]
CPU = torch.device("cpu")


@pytest.fixture
def split() -> FeatureSplit:
    """20 images in 3 views; a feature is 10 x image + view."""
    features = 10 * torch.arange(20).view(20, 1, 1) + torch.arange(3).view(1, 3, 1)
    samples = [(f"a/{row}.jpg", row % 2, "00") for row in range(20)]
    return FeatureSplit("train", samples, [features.half().numpy()], 3)


def epoch(inputs: FeatureInputs, seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return list(inputs.training_batches(torch.split(torch.arange(20), 8), 1, generator, CPU))


def test_each_epoch_shows_other_views_of_the_same_images(split: FeatureSplit, make_config: MakeConfig) -> None:
    """The order is the caller's, the view is drawn, and all views have their turn."""
    inputs = FeatureInputs(split, make_config(batch_size=8))

    first, second = (torch.cat([features for features, _ in epoch(inputs, seed)]) for seed in (0, 1))

    assert torch.equal(first.flatten() // 10, torch.arange(20).float())
    assert set((first.flatten() % 10).tolist()) == {0.0, 1.0, 2.0}
    assert not torch.equal(first, second)


def test_without_augmentation_the_plain_view_is_shown(split: FeatureSplit, make_config: MakeConfig) -> None:
    """augment=none means the images as they are served, whatever views there are."""
    features = torch.cat([each for each, _ in epoch(FeatureInputs(split, make_config(augment="none")), 0)])

    assert not (features % 10).any()


def test_processes_share_what_one_would_see(split: FeatureSplit, make_config: MakeConfig) -> None:
    """The parts of two processes, put together, are the batches of one, views included."""
    config = make_config(batch_size=8)
    whole = epoch(FeatureInputs(split, config), 0)

    parts = [epoch(FeatureInputs(split, config, World(Shard(index, 2))), 0) for index in range(2)]

    for (features, labels), *shares in zip(whole, *parts, strict=True):
        assert torch.equal(torch.cat([share[0] for share in shares]), features)
        assert torch.equal(torch.cat([share[1] for share in shares]), labels)


def test_classes_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """No channel is no matter, a broken one is."""
    assert given_class_names(None) is None
    with pytest.raises(DatasetError, match=r"classes.json cannot be read"):
        given_class_names(tmp_path)


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_folded_head_answers_on_plain_as_on_standardised(kind: str) -> None:
    """So the network that is saved needs no scale, and its score is the one that training saw."""
    features = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7) + 10
    split = FeatureSplit(
        "train", [(f"a/{row}.jpg", 0, "00") for row in range(50)], [features.half().numpy()[:, None]], 1
    )
    mean, deviation = scale = split.scale()
    head = make_head(ModelSpec("resnet18", 3, head=kind, head_width=8), 6).eval()
    expected = head((features - mean) / deviation)

    fold_scale(head, scale)

    torch.testing.assert_close(head(features), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mean, features.mean(0), rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(deviation, features.std(0), rtol=3e-2, atol=1e-2)
