"""Networks: every family takes our head, and an older artifact's description is read."""

import pytest
import torch
from torch import nn

from datasets.networks import network_names
from inference.model import ModelSpec, UnknownModelError, build_model, known_model_names, predict_logits
from inference.preprocessing import Preprocessing
from tests.inference.families import ONE_OF_EACH_FAMILY, least_side

PREPROCESSING = Preprocessing.for_image_size(32)


@pytest.mark.parametrize("model_name", ONE_OF_EACH_FAMILY)
def test_every_family_answers_for_our_classes(model_name: str) -> None:
    """The last layer is replaced, with the dropout asked for before it and no other."""
    side = least_side(model_name)
    model = build_model(ModelSpec(model_name, num_classes=5, dropout=0.3, image_size=side))

    logits = predict_logits(model.eval(), torch.zeros((2, 3, side, side), dtype=torch.uint8), PREPROCESSING)

    assert logits.shape == (2, 5)
    assert [module.p for module in model.modules() if isinstance(module, nn.Dropout) and module.p] == [0.3]


def test_the_table_of_networks_is_what_can_be_built() -> None:
    """What `up` and a training job let through, torchvision has, and nothing else of the same families."""
    assert network_names() == known_model_names()


def test_known_names_include_what_the_readme_offers() -> None:
    """The names a user is told to choose from exist."""
    assert {"resnet18", "resnet50", "mobilenet_v3_small", "efficientnet_b0"} <= set(known_model_names())


def test_unknown_model_name_is_refused_with_the_known_ones() -> None:
    """A typing error costs no more than a sentence."""
    with pytest.raises(UnknownModelError, match=r"model_name 'resnet19' is not known; use one of .*resnet18"):
        build_model(ModelSpec("resnet19", 2))


def test_spec_of_an_older_artifact_has_a_linear_head() -> None:
    """model.json of before mlp heads serves on."""
    assert (
        ModelSpec.from_dict({"model_name": "resnet18", "num_classes": 2, "dropout": 0.1, "other": 1}).head == "linear"
    )
