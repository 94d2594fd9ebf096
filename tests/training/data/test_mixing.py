"""Blended batches: the loss weighs the classes as the pixels were weighed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from training.data.mixing import Batch, even_batches, mix


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Eight pictures, each of one value, its class."""
    classes = torch.arange(8)
    return classes.float().view(8, 1, 1, 1).expand(8, 3, 16, 16).clone(), classes


def test_nothing_is_drawn_when_both_are_off() -> None:
    """Training without them is the same to the last bit as before they existed."""
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()

    mixed = mix(*batch(), 0, 0, generator)

    assert torch.equal(generator.get_state(), before)
    assert mixed.partners is None
    assert torch.equal(mixed.inputs, batch()[0])


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0), (0, 1.0), (0.4, 1.0)])
def test_share_is_the_share_of_pixels(mixup: float, cutmix: float) -> None:
    """The mean of a blended picture is its own value and its partner's, in the proportion the loss uses."""
    images, classes = batch()
    for seed in range(20):
        mixed = mix(images, classes, mixup, cutmix, torch.Generator().manual_seed(seed))

        assert mixed.partners is not None
        expected = mixed.share * classes + (1 - mixed.share) * mixed.partners
        torch.testing.assert_close(mixed.inputs.mean(dim=(1, 2, 3)), expected.float())
        assert 0 <= mixed.share <= 1


def test_cutmix_pastes_whole_pixels() -> None:
    """Every pixel is the picture's own or its partner's."""
    images, classes = batch()
    mixed = mix(images, classes, 0, 1.0, torch.Generator().manual_seed(1))

    assert mixed.partners is not None
    own = mixed.inputs == classes.view(8, 1, 1, 1)
    partners = mixed.inputs == mixed.partners.view(8, 1, 1, 1)
    assert (own | partners).all()


def test_mixup_blends_features_too() -> None:
    """A head trained on features (B, D) takes it as well."""
    features = torch.eye(8)
    mixed = mix(features, torch.arange(8), 0.4, 0, torch.Generator().manual_seed(0))

    torch.testing.assert_close(mixed.inputs.sum(dim=1), torch.ones(8))


def test_loss_is_that_of_the_blended_classes() -> None:
    """Cross-entropy against the soft target that has both classes in their shares."""
    mixed = mix(*batch(), 0.4, 0, torch.Generator().manual_seed(0))
    logits = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
    assert mixed.partners is not None
    target = mixed.share * torch.eye(8) + (1 - mixed.share) * torch.eye(8)[mixed.partners]

    torch.testing.assert_close(mixed.loss(logits, 0.0), functional.cross_entropy(logits, target))


@given(total=st.integers(2, 500), count=st.integers(0, 300))
def test_even_batches_show_every_image_once(total: int, count: int) -> None:
    """In their order, in batches that differ by one image at most, and none of a single one."""
    order = torch.randperm(total)

    batches = even_batches(order, count)

    assert torch.equal(torch.cat(batches), order)
    assert max(map(len, batches)) - min(map(len, batches)) <= 1
    assert min(map(len, batches)) >= 2


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_gradient_of_the_parts_is_the_batch_s(count: int) -> None:
    """Parts of unequal sizes, each weighed by its images."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    whole = Batch(torch.randn(7, 4), torch.arange(7) % 3, torch.arange(7) % 2, 0.7)
    expected = torch.autograd.grad(whole.loss(layer(whole.inputs), 0.1), layer.weight)[0]

    parts = list(whole.parts(count))
    losses = [part.loss(layer(part.inputs), 0.1) * (len(part.classes) / 7) for part in parts]

    assert len(parts) == min(count, 3)
    torch.testing.assert_close(torch.autograd.grad(sum(losses, torch.zeros(())), layer.weight)[0], expected)
