"""Which networks can be trained, by the names of torchvision, and the sides of a picture that they take.

The one table, for `deploy.py up`, for the functions and for training jobs; inference/model.py builds what it names.
Source: torchvision's documentation of each family; the least sides are those of its weights' metadata.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from datasets.limits import MIN_IMAGE_SIDE


@dataclass(frozen=True)
class Family:
    """Networks of one kind; the side of their input is at least `least_side`, and a multiple of `patch_side`."""

    prefix: str
    variants: tuple[str, ...]
    least_side: int = MIN_IMAGE_SIDE
    patch_side: int = 1
    has_fixed_side: bool = False  # once it is built it takes no other side

    def names(self) -> Iterator[str]:
        """Yield the names of its networks."""
        return (f"{self.prefix}{variant}" for variant in self.variants)


FAMILIES = (
    Family("resnet", ("18", "34", "50", "101", "152")),
    Family("resnext", ("50_32x4d", "101_32x8d", "101_64x4d")),
    Family("wide_resnet", ("50_2", "101_2")),
    Family("mobilenet_v2", ("",)),
    Family("mobilenet_v3_", ("small", "large")),
    Family("efficientnet_", ("lite0", *(f"b{number}" for number in range(8)), "v2_s", "v2_m", "v2_l")),
    Family("convnext_", ("tiny", "small", "base", "large")),
    Family("regnet_x_", ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")),
    Family("regnet_y_", ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")),
    Family("densenet", ("121", "161", "169", "201")),
    Family("inception_v3", ("",), least_side=75),
    Family("swin_", ("t", "s", "b", "v2_t", "v2_s", "v2_b")),
    Family("vit_", ("b_16", "l_16"), patch_side=16, has_fixed_side=True),
    Family("vit_", ("b_32", "l_32"), patch_side=32, has_fixed_side=True),
    Family("vit_", ("h_14",), patch_side=14, has_fixed_side=True),
)


def family_of(model_name: str) -> Family | None:
    """Return the family of a network; None if it is not known."""
    return next((family for family in FAMILIES if model_name in family.names()), None)


def network_names() -> list[str]:
    """Return the name of every network, sorted."""
    return sorted(name for family in FAMILIES for name in family.names())


def network_problem(model_name: str, image_size: int) -> str:
    """Return why there is no such network, or why it does not take pictures of this side; "" when it does."""
    family = family_of(model_name)
    if family is None:
        return f"model_name {model_name!r} is not known; use one of {', '.join(network_names())}"
    if image_size < family.least_side:
        return f"{model_name} takes pictures of {family.least_side} pixels and more, not of {image_size}"
    if image_size % family.patch_side:
        near = max(1, round(image_size / family.patch_side)) * family.patch_side
        side = near if near >= MIN_IMAGE_SIDE else near + family.patch_side
        return f"{model_name} takes sides that are a multiple of {family.patch_side}, not {image_size}; use {side}"
    return ""
