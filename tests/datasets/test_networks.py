"""Networks and the sides of pictures that they take: what does not fit is answered with what does."""

import pytest

from datasets.networks import network_names, network_problem


@pytest.mark.parametrize(
    ("model_name", "side"),
    [("resnet18", 32), ("inception_v3", 75), ("vit_b_16", 224), ("vit_h_14", 518), ("swin_t", 100)],
)
def test_what_fits_is_not_refused(model_name: str, side: int) -> None:
    """The least side of each kind, and sides that are no multiple of anything where none is asked for."""
    assert network_problem(model_name, side) == ""


@pytest.mark.parametrize(
    ("model_name", "side", "problem"),
    [
        ("resnet19", 224, "model_name 'resnet19' is not known; use one of convnext_base, "),
        ("inception_v3", 74, "inception_v3 takes pictures of 75 pixels and more, not of 74"),
        ("vit_b_16", 100, "vit_b_16 takes sides that are a multiple of 16, not 100; use 96"),
        ("vit_h_14", 32, "vit_h_14 takes sides that are a multiple of 14, not 32; use 42"),
        ("vit_b_32", 33, "vit_b_32 takes sides that are a multiple of 32, not 33; use 32"),
    ],
)
def test_what_does_not_fit_is_answered_with_what_does(model_name: str, side: int, problem: str) -> None:
    """The side that is offered is the nearest that the network and the pictures' least side allow."""
    assert network_problem(model_name, side).startswith(problem)


def test_every_name_is_there_once() -> None:
    """Two families of one name would make the second one's rule void."""
    assert len(set(network_names())) == len(network_names()) == 60
