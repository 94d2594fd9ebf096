"""A network of each family that --model-name takes, and the least side of a picture that it sees."""

from datasets.limits import MIN_IMAGE_SIDE
from datasets.networks import family_of

ONE_OF_EACH_FAMILY = (
    "resnet18",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
    "regnet_y_400mf",
    "efficientnet_lite0",
    "mobilenet_v2",
    "densenet121",
    "inception_v3",
    "swin_t",
    "vit_b_32",
)


def least_side(model_name: str) -> int:
    """Return the least side that the network takes, which is the fastest."""
    family = family_of(model_name)
    assert family is not None
    return max(MIN_IMAGE_SIDE, family.least_side, family.patch_side)
